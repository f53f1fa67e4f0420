insert into diptych.commands (id, name, fingerprint, answer, position, recorded_at, actor)
select r.id, r.name, r.fingerprint, r.answer, r.position, r.recorded_at, r.actor
from unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bigint[], $7::text[])
    as r (id, name, fingerprint, answer, position, recorded_at, actor)
on conflict (id) do nothing
