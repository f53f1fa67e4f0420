select t.position
from event_tags as t
where
    t.tag = (select id from tags where tag = ?)
    and t.type = ?
    {others}
    and t.position > ?
    and t.position <= ?
    and (select max(id) from types) = ?
