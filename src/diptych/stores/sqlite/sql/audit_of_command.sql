select
    number,
    id,
    name,
    outcome,
    at,
    micros,
    principal,
    reason,
    correlation,
    causation,
    content
from attempts
where id = ?
order by number
