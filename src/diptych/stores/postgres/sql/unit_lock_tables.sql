select pg_advisory_xact_lock(hashtextextended('diptych.unit_tables', 0))
