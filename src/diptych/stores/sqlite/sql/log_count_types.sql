select
    name,
    version,
    (select count(*) from events indexed by events_type where type = types.id) as events
from types
order by name, version
