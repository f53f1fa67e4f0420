select
    name,
    projection,
    generation
from diptych_model
