select
    subscriber,
    position,
    skipped_at,
    error
from skips
order by rowid
