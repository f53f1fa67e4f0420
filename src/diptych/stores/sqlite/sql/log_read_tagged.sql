select
    e.position,
    {columns}
from (
    select t.position
    from event_tags as t
    where
        t.tag = (select id from tags where tag = ?)
        {types}
        {others}
        and t.position > ?
        and t.position <= ?
    order by t.position {order}
    limit ?
) as t
cross join events as e on e.position = t.position
