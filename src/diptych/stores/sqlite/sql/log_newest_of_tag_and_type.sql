select coalesce(max(position), 0) from event_tags where tag = ? and type = ?
