select name
from diptych.diptych_view
order by name
