insert into commands (id, name, fingerprint, answer, position, recorded_at, actor)
values (?, ?, ?, ?, ?, ?, ?)
on conflict (id) do nothing
