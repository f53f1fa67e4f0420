update diptych.owners
set worker = null, since = clock_timestamp()
where worker = $1 and projection = any($2::text[])
