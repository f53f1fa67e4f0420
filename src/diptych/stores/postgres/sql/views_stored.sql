select name, position, seen, fingerprint, log_id, refreshed_at, row_count, seconds, generation
from diptych.diptych_view
