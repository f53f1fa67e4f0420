select id, name, fingerprint, answer, position, recorded_at, actor from diptych.commands where id = any ($1::uuid[])
