-- Who makes the tables of read models: the owner of most of them, the current role where there are none.
select coalesce(
    (
        select pg_get_userbyid(c.relowner)::text
        from pg_class as c
        where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'v')
            and c.relname <> all ($2::text[])
        group by c.relowner
        order by count(*) desc
        limit 1
    ),
    current_user::text
)
