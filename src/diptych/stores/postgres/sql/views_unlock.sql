select pg_advisory_unlock(hashtextextended('diptych.view ' || $1, 0))
