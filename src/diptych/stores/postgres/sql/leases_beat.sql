insert into diptych.workers (worker, name, projections, expires, pid, started)
select $1, $2, $3::jsonb, clock_timestamp() + make_interval(secs => $4), own.pid, own.backend_start
from pg_stat_activity as own
where own.pid = pg_backend_pid()
on conflict (worker) do update
set projections = excluded.projections, expires = excluded.expires, pid = excluded.pid, started = excluded.started
