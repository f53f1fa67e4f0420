select relkind::text from pg_class where oid = to_regclass($1)
