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
        and exists (
        select from diptych.events as e
        where e.position = t.position and not exists (
            select from json_array_elements($2::json) as wanted (tag)
            where strpos(',' || substr(e.tags, 2), ',' || wanted.tag::text) = 0
        )
    )
    union all
    select e.position
    from diptych.events as e
    where
        $1::bigint is null
        and e.position > $4
        and e.position <= $5
        and e.type = any ($3)
) as found
