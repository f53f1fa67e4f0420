select
    current_user::text as role,
    coalesce(s.ssl, false) as is_encrypted,
    coalesce(host(inet_server_addr()), '') as server
from (select) as own
left join pg_stat_ssl as s on s.pid = pg_backend_pid()
