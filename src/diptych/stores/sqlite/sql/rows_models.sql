select
    name,
    generation,
    changed
from diptych_model
