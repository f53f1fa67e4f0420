select subscriber, position, skipped_at, error from diptych.skips order by number
