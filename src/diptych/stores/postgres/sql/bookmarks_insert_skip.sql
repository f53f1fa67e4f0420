insert into diptych.skips (subscriber, position, skipped_at, error) values ($1, $2, $3, $4)
