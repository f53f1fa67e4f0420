select coalesce(min(e.position), 0)
from events as e, json_each(e.tags) as j
where
    e.position > ?
    and e.position <= ?
    and not exists (
        select 1
        from tags as g
        cross join event_tags as t on t.tag = g.id and t.type = e.type and t.position = e.position
        where g.tag = j.value
    )
