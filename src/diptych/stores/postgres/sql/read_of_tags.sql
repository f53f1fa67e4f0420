-- `read_of_tag` of several tags. `offset 0`: what is made of a tag is made once, and not for each of its events.
select found.*, k.at
from (
    select
        tag, after, types::bigint[] as types, '[' || text || ']' as alone, '[' || text as first, ',' || text as later, at
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) with ordinality as k (tag, after, types, text, at)
    offset 0
) as k
cross join lateral (
    select {columns}
    from (
        select
            position,
            case
                when tags = k.alone or starts_with(tags, k.first) or strpos(tags, k.later) > 0 then type
            end as type,
            version, tags, data, metadata, recorded_at, hash
        from diptych.events
        where position = any (array(
            select t.position
            from diptych.event_tags as t
            where
                t.tag = k.tag
                and t.position > k.after
                and t.position <= $5
                and (k.types is null or t.type = any (k.types))
            order by t.position {order}
            limit $6
        ))
    ) as e
    order by e.position {order}
) as found
