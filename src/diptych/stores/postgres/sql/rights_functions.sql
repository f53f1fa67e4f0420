-- The functions that a role may not call, where the public may call none, and the statement that lets it.
select
    p.proname::text as name,
    'EXECUTE' as privilege,
    format('grant execute on function %I.%I to %I', $1::text, p.proname, $2::text) as statement
from pg_proc as p
where p.pronamespace = to_regnamespace(quote_ident($1)) and p.prorettype <> 'trigger'::regtype
    and not has_function_privilege($2::name, p.oid, 'EXECUTE')
order by p.proname
