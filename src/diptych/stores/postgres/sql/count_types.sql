select t.name, e.version, count(*)
from diptych.events as e
join diptych.types as t on t.id = e.type
group by t.name, e.version
order by t.name, e.version
