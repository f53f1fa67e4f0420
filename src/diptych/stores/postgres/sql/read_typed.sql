select found.*
from unnest($4::bigint[]) as k (type)
cross join lateral (
    select {columns}
    from diptych.events as e
    where e.type = k.type and e.position > $1 and e.position <= $2
    order by e.position {order}
    limit $3
) as found
order by found.position {order}
limit $3
