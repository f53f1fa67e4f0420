with fed as (
    insert into diptych.diptych_feed (position, model, key, reset)
    select $1, name, '', true from unnest($2::text[]) as reset (name)
)
update diptych.diptych_model set changed = $1 where name = any($2::text[])
