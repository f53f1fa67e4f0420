select pg_advisory_xact_lock(hashtextextended('diptych.migrations', 0))
