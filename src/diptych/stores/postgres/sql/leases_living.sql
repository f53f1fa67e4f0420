select o.projection, w.worker::text, w.name, o.epoch
from diptych.owners as o
inner join diptych.workers as w on o.worker = w.worker
where w.expires > clock_timestamp()
