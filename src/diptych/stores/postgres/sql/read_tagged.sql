select {columns}
from diptych.event_tags as t
join diptych.events as e on e.position = t.position
where
    t.tag = $1
    and t.position > $2
    and t.position <= $3
    and ($4::bigint[] is null or t.type = any ($4))
    and (starts_with(e.tags, '[' || $5) or strpos(e.tags, ',' || $5) > 0)
    and ($7::json is null or not exists (
        select from json_array_elements($7) as wanted (tag)
        where strpos(',' || substr(e.tags, 2), ',' || wanted.tag::text) = 0
    ))
order by t.position {order}
limit $6
