-- Read models that a role may not read yet, and the statement that lets it.
select
    c.relname::text as name,
    'SELECT' as privilege,
    format('grant select on %I.%I to %I', $1::text, c.relname, $2::text) as statement
from pg_class as c
where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'v', 'm')
    and not has_table_privilege($2::name, c.oid, 'SELECT')
order by c.relname
