with unfed as (delete from diptych.diptych_feed where model = $1)
delete from diptych.diptych_model where name = $1
