-- Pairs are compared so that only the index of types can be used: to whoever plans this, a stretch of the log without
-- an end looks short, and to scan all of it for a rare type cheap.
select found.*
from unnest($4::bigint[]) as k (type)
cross join lateral (
    select {columns}
    from diptych.events as e
    where (e.type, e.position) > (k.type, $1) and (e.type, e.position) <= (k.type, $2)
    order by e.type {order}, e.position {order}
    limit $3
) as found
order by found.position {order}
limit $3
