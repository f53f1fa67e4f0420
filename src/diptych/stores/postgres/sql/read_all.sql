select {columns}
from diptych.events as e
where e.position > $1 and e.position <= $2
order by e.position {order}
limit $3
