-- Read models and views that another role made, and the statement that hands each over: only its owner may replace it.
(
    select
        c.relname::text as name,
        'OWNER' as privilege,
        format('alter table %I.%I owner to %I', $1::text, c.relname, $2::text) as statement
    from pg_class as c
    where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'v', 'm')
        and c.relname <> all ($3::text[])
        and c.relowner <> to_regrole(quote_ident($2))
    order by c.relkind, c.relname
)
union all
(
    -- The select of a materialised view is the body of a function of its name.
    select
        p.proname::text,
        'OWNER',
        format('alter function %I.%I() owner to %I', $1::text, p.proname, $2::text)
    from pg_proc as p
    where p.pronamespace = to_regnamespace(quote_ident($1)) and p.pronargs = 0
        and p.prorettype = 'record'::regtype and p.proowner <> to_regrole(quote_ident($2))
    order by p.proname
)
