-- Who takes and gives does so one after the other; who only renews, or asks, waits for nobody.
select pg_advisory_xact_lock(hashtextextended('diptych leases ' || current_database() || ' diptych.owners', 0))
