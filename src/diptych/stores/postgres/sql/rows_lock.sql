select pg_advisory_xact_lock(hashtextextended('diptych.rows', 0))
