select name, generation
from diptych.diptych_model
where name not in (select name from diptych.diptych_view)
order by name
