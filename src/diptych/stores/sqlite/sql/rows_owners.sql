select
    name,
    projection
from diptych_model
