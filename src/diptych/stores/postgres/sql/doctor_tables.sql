select c.relname::text as name
from pg_class as c
where c.relnamespace = to_regnamespace($1::text) and c.relkind in ('r', 'm')
order by c.relname
