-- Read models that another role made, and the statement that hands each over: only its owner may replace or drop it.
select
    c.relname::text as name,
    'OWNER' as privilege,
    format('alter table %I.%I owner to %I', $1::text, c.relname, $2::text) as statement
from pg_class as c
where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'v')
    and c.relname <> all ($3::text[])
    and c.relowner <> to_regrole(quote_ident($2))
order by c.relkind, c.relname
