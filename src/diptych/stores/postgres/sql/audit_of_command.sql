select number, id, name, outcome, at, micros, principal, reason, correlation, causation, content
from diptych.attempts
where id = $1
order by number
