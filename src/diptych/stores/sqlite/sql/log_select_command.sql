select name, fingerprint, answer, position, recorded_at, actor from commands where id = ?
