select k.at, found.*
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    with ordinality as k (tag, after, types, text, tags, at)
cross join lateral (
    select {columns}
    from diptych.event_tags as t
    join diptych.events as e on e.position = t.position
    where
        t.tag = k.tag
        and t.position > k.after
        and t.position <= $6
        and (k.types is null or t.type = any (k.types::bigint[]))
        and (starts_with(e.tags, '[' || k.text) or strpos(e.tags, ',' || k.text) > 0)
        and (k.tags is null or not exists (
            select from json_array_elements(k.tags::json) as wanted (tag)
            where strpos(',' || substr(e.tags, 2), ',' || wanted.tag::text) = 0
        ))
    order by t.position {order}
    limit $7
) as found
