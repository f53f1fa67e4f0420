select data
from snapshots
where
    fold = ?
    and tags = ?
