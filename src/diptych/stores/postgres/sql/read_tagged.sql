select {columns}
from diptych.event_tags as t
join diptych.events as e on e.position = t.position
where
    t.tag = $1
    and t.position > $2
    and t.position <= $3
    and ($4::bigint[] is null or t.type = any ($4))
    and strpos(e.tags, $5) > 0
    and ($6::jsonb is null or e.tags::jsonb @> $6)
order by t.position {order}
limit $7
