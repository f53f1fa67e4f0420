select
    id,
    name,
    fingerprint,
    answer,
    position,
    recorded_at,
    actor
from commands
where id > ?
order by id
limit ?
