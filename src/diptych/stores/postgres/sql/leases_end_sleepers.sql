-- End the sessions of workers whose leases are over, and that keep something while the server waits for their next word.
-- One that is idle may wake up, and is fenced; one that works, as on an index, is waited for.
select pg_terminate_backend(session.pid, 1000)
from pg_stat_activity as session
inner join diptych.workers as w on w.pid = session.pid and w.started = session.backend_start
where
    w.worker <> $1
    and w.expires < clock_timestamp()
    and session.xact_start is not null
    and session.wait_event_type = 'Client'
    and session.state_change < clock_timestamp() - interval '300 ms'
