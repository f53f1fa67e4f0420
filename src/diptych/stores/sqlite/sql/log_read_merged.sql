select {columns}
from (
    {arms}
    order by position {order}
    limit ?
) as t
cross join events as e on e.position = t.position
