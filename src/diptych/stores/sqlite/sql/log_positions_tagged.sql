select t.position
from event_tags as t
where
    t.tag = (select id from tags where tag = ?)
    {types}
    {others}
    and t.position > ?
    and t.position <= ?
