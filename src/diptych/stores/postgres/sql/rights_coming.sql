-- Whether a role will be let read the tables that the owner of read models makes later, and the statement that says so.
select
    $1::text as name,
    'SELECT' as privilege,
    format(
        'alter default privileges for role %I in schema %I grant select on tables to %I', $3::text, $1::text, $2::text
    ) as statement
where not exists (
    select
    from pg_default_acl as d
    cross join aclexplode(d.defaclacl) as a
    where d.defaclnamespace = to_regnamespace(quote_ident($1)) and d.defaclrole = to_regrole(quote_ident($3))
        and d.defaclobjtype = 'r' and a.grantee = to_regrole(quote_ident($2)) and a.privilege_type = 'SELECT'
)
