select
    age(d.datfrozenxid)::bigint as age,
    current_setting('autovacuum_freeze_max_age')::bigint as freezes_at,
    (
        select coalesce(array_agg(gid order by gid), '{}')
        from pg_prepared_xacts
        where prepared < clock_timestamp() - make_interval(secs => $1)
    ) as prepared,
    (
        select coalesce(array_agg(pid order by pid), '{}')
        from pg_stat_activity
        where backend_type = 'client backend' and xact_start < clock_timestamp() - make_interval(secs => $1)
    ) as long
from pg_database as d
where d.datname = current_database()
