select
    current_user::text as role,
    current_database()::text as database,
    pg_encoding_to_char(d.encoding)::text as encoding,
    coalesce(s.ssl, false) as is_encrypted,
    coalesce(host(inet_server_addr()), '') as server
from pg_database as d
left join pg_stat_ssl as s on s.pid = pg_backend_pid()
where d.datname = current_database()
