-- What a role was granted and does not need, and the statement that takes each away; an owner keeps what is its own.
select
    c.relname::text as name,
    p.privilege,
    format('revoke %s on %I.%I from %I', lower(p.privilege), $1::text, c.relname, $2::text) as statement
from unnest($3::text[]) as t (name)
inner join pg_class as c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident($1))
cross join unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as p (privilege)
where exists (
        select
        from aclexplode(c.relacl) as a
        where a.grantee = to_regrole(quote_ident($2::text)) and a.privilege_type = p.privilege
    )
    and c.relowner <> to_regrole(quote_ident($2::text))
    and not exists (
        select from unnest($4::text[], $5::text[]) as w (name, privilege)
        where w.name = t.name and w.privilege = p.privilege
    )
order by 1, 2
