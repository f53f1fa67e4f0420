select pg_advisory_lock(hashtextextended('diptych.view ' || $1, 0))
