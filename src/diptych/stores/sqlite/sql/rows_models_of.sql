select
    name,
    generation
from diptych_model
where projection = ?
