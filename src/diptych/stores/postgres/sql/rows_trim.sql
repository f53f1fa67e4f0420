with trimmed as (update diptych.diptych_model set trimmed = $1 where trimmed < $1)
delete from diptych.diptych_feed where position <= $1
