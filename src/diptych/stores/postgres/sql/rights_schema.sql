-- What a role needs on a schema: to use it, and where read models come and go, to make tables in it.
select
    $1::text as name,
    w.privilege,
    format('grant %s on schema %I to %I', lower(w.privilege), $1::text, $2::text) as statement
from unnest($3::text[]) with ordinality as w (privilege, place)
where not has_schema_privilege($2::name, to_regnamespace(quote_ident($1)), w.privilege)
order by w.place
