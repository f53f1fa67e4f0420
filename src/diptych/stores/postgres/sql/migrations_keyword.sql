select exists (select from pg_get_keywords() where word = $1 and catcode in ('R', 'T'))
