-- The positions that a clause matches, or how many they are.
select {columns}
from (
    select t.position
    from diptych.event_tags as t
    where
        $1::bigint is not null
        and t.tag = $1
        and t.position > $4
        and t.position <= $5
        and ($3::bigint[] is null or t.type = any ($3))
        and exists (select from diptych.events as e where e.position = t.position and e.tags::jsonb @> $2::jsonb)
    union all
    select e.position
    from diptych.events as e
    where
        $1::bigint is null
        and e.position > $4
        and e.position <= $5
        and e.type = any ($3)
) as found
