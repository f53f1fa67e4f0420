select id, name, fingerprint, answer, position, recorded_at, actor
from diptych.commands
where id > $1
order by id
limit $2
