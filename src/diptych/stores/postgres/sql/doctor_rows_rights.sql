-- What stands beside the tables of our own: whether this role may replace it, and whether it may read it.
select
    c.relname::text as name,
    pg_has_role(c.relowner, 'USAGE') as is_ours,
    has_table_privilege(c.oid, 'SELECT') as may_read
from pg_class as c
where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'v', 'm')
    and c.relname <> all ($2::text[])
order by c.relname
