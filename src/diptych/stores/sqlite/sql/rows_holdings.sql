select
    projection,
    worker,
    epoch,
    code,
    since
from diptych_owner
