select
    t.position,
    {columns}
from event_tags as t
cross join events as e on e.position = t.position
where
    t.tag = (select id from tags where tag = ?)
    and t.type = ?
    {others}
    and t.position > ?
    and t.position <= ?
