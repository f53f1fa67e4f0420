select coalesce(max(t.position), 0)
from event_tags as t
where t.tag = ? {types} and t.position > ? {others}
