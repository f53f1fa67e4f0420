-- Which of the tables that are only appended to this role may change, who it is, and whether a trigger stops it.
select
    t.name,
    r.rolsuper as is_superuser,
    pg_has_role(current_user, c.relowner, 'MEMBER') as is_owner,
    array_remove(
        array[
            case when has_table_privilege(c.oid, 'UPDATE') then 'UPDATE' end,
            case when has_table_privilege(c.oid, 'DELETE') then 'DELETE' end,
            case when has_table_privilege(c.oid, 'TRUNCATE') then 'TRUNCATE' end
        ],
        null
    ) as rights,
    exists (
        select
        from pg_trigger as g
        where g.tgrelid = c.oid and g.tgname = 'refuse_change' and g.tgenabled in ('O', 'A')
    ) as is_guarded
from unnest($1::text[]) as t (name)
inner join pg_class as c on c.relname = t.name and c.relnamespace = to_regnamespace(quote_ident($2))
cross join pg_roles as r
where r.rolname = current_user
