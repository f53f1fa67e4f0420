select number, id, name, outcome, at, micros, principal, reason, correlation, causation, content
from diptych.attempts
where causation = any ($1::uuid[])
order by number
limit $2
