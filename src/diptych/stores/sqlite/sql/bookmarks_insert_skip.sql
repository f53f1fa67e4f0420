insert into skips (subscriber, position, skipped_at, error) values (?, ?, ?, ?)
