select count(*) from event_tags where position <= ?
