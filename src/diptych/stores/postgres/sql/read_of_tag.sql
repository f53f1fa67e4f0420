-- Events of one tag, quickly: their positions first, since an index finds a thousand of them at once faster than each of
-- them for a join. An event that only has a tag of the same hash comes without its type; `read_tagged` leaves it out.
select {columns}
from (
    select
        position,
        case
            when tags = (select '[' || $5::text || ']') or starts_with(tags, '[' || $5) or strpos(tags, ',' || $5) > 0
                then type
        end as type,
        version, tags, data, metadata, recorded_at, hash
    from diptych.events
    where position = any (array(
        select t.position
        from diptych.event_tags as t
        where
            t.tag = $1
            and t.position > $2
            and t.position <= $3
            and ($4::bigint[] is null or t.type = any ($4))
        order by t.position {order}
        limit $6
    ))
) as e
order by e.position {order}
