insert into diptych.workers (worker, name, projections, expires)
values ($1, $2, $3::jsonb, clock_timestamp() + make_interval(secs => $4))
on conflict (worker) do update set projections = excluded.projections, expires = excluded.expires
