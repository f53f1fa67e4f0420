-- One row at least: the time of the server, by which all of them are judged.
select
    (extract(epoch from clock.now) * 1000000)::bigint as now,
    w.worker::text,
    w.projections::text,
    (extract(epoch from w.expires) * 1000000)::bigint as expires
from (select clock_timestamp() as now) as clock
left join diptych.workers as w on true
