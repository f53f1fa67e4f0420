select key
from diptych_feed
where
    position = ?
    and model = ?
    and reset = 0
order by key
limit ?
