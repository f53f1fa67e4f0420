-- `+ 0`: the index of types is slower than the scan as soon as the types are more than a few.
select {columns}
from diptych.events as e
where e.position > $1 and e.position <= $2 and (e.type + 0) = any ($4::bigint[])
order by e.position {order}
limit $3
