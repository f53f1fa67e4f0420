select found.*, k.at
from (
    select tag, after, types::bigint[] as types, '[' || text as first, ',' || text as later, tags::json as tags, at
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $7::text[])
        with ordinality as k (tag, after, types, text, tags, at)
    offset 0
) as k
cross join lateral (
    select {columns}
    from diptych.event_tags as t
    join diptych.events as e on e.position = t.position
    where
        t.tag = k.tag
        and t.position > k.after
        and t.position <= $5
        and (k.types is null or t.type = any (k.types))
        and (starts_with(e.tags, k.first) or strpos(e.tags, k.later) > 0)
        and (k.tags is null or not exists (
            select from json_array_elements(k.tags) as wanted (tag)
            where strpos(',' || substr(e.tags, 2), ',' || wanted.tag::text) = 0
        ))
    order by t.position {order}
    limit $6
) as found
