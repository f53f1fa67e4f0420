insert into diptych.owners as o (projection, worker, epoch, code, since)
select name, $1, 1, code, clock_timestamp()
from unnest($2::text[], $3::text[]) as taken (name, code)
on conflict (projection) do update
set worker = excluded.worker, epoch = o.epoch + 1, code = excluded.code, since = excluded.since
