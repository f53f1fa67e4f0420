select
    t.position,
    {columns}
from event_tags as t
cross join events as e on e.position = t.position
where
    t.tag = (select id from tags where tag = ?6)
    and t.type = {type}
    {others}
    and t.position > ?3
    and t.position <= ?4
