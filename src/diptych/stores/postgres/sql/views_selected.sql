select prosrc from pg_proc where pronamespace = $1::regnamespace and proname = $2 and pronargs = 0
