select
    current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer
        - coalesce(current_setting('reserved_connections', true)::integer, 0) as most,
    nullif(d.datconnlimit, -1) as most_of_database,
    nullif(r.rolconnlimit, -1) as most_of_role,
    count(a.pid) as used,
    count(a.pid) filter (where a.datid = d.oid) as used_of_database,
    count(a.pid) filter (where a.usesysid = r.oid) as used_of_role,
    count(a.pid) filter (where a.datid = d.oid and a.application_name like 'diptych %') as ours,
    count(a.pid) filter (where a.datid = d.oid and a.application_name = 'diptych wake-ups') as processes
from pg_database as d
cross join pg_roles as r
left join pg_stat_activity as a on a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
where d.datname = current_database() and r.rolname = current_user
group by d.datconnlimit, r.rolconnlimit
