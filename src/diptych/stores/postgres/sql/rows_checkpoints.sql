select projection, position, generation, version, fingerprint, log_id, epoch, target, error
from diptych.diptych_checkpoint
