select o.projection
from diptych.owners as o
inner join diptych.workers as w on o.worker = w.worker
where o.worker <> $1 and w.expires > clock_timestamp()
