select count(*) from diptych.event_tags where position <= $1
