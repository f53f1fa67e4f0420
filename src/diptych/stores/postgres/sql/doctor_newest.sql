select position, recorded_at
from diptych.events
order by position desc
limit 1
