insert into event_tags (tag, type, position) values (?, ?, ?)
