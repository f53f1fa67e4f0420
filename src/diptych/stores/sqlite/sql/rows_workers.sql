select
    worker,
    projections,
    expires
from diptych_worker
