select
    e.position,
    {columns}
from (
    {arms}
    order by 1 {order}
    limit ?
) as t
cross join events as e on e.position = t.position
