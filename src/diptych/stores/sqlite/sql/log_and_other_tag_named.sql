and exists (
    select 1
    from event_tags as o
    where o.tag = (select id from tags where tag = ?) and o.type = t.type and o.position = t.position
)
