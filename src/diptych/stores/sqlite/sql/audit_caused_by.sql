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
where hex(causation) in (select value from json_each(?))
order by number
limit ?
