select coalesce(max((select max(position) from event_tags where tag = ?1 and type = types.id)), 0) from types
