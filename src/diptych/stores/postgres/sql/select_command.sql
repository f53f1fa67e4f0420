select name, fingerprint, answer, position, recorded_at, actor from diptych.commands where id = $1
