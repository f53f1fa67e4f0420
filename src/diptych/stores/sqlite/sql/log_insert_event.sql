insert into events (position, type, tags, data, metadata, recorded_at, hash) values (?, ?, ?, ?, ?, ?, ?)
