delete from diptych.workers
where worker = any($1::uuid[])
