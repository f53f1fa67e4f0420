select
    e.position,
    {columns}
from events as e
where e.position > ? and e.position <= ? {types}
order by e.position {order}
limit ?
