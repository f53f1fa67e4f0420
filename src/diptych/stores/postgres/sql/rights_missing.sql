-- What a role lacks of what it needs, table by table, and the statement that grants it.
select
    w.name,
    string_agg(w.privilege, ', ' order by w.place) as privilege,
    format(
        'grant %s on %I.%I to %I', lower(string_agg(w.privilege, ', ' order by w.place)), $1::text, w.name, $2::text
    ) as statement
from unnest($3::text[], $4::text[]) with ordinality as w (name, privilege, place)
inner join pg_class as c on c.relname = w.name and c.relnamespace = to_regnamespace(quote_ident($1))
where not has_table_privilege($2::name, c.oid, w.privilege)
group by w.name
order by min(w.place)
