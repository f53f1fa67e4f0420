select
    owned.projection,
    owned.worker,
    worker.name,
    owned.epoch
from diptych_owner as owned
inner join diptych_worker as worker on owned.worker = worker.worker
where worker.expires > ?
