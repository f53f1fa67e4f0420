select
    projection,
    position,
    generation,
    version,
    fingerprint,
    log_id,
    epoch,
    target,
    error
from diptych_checkpoint
