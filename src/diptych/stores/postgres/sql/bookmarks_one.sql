select subscriber, position, log_id, epoch, failing, attempts, error
from diptych.bookmarks
where subscriber = $1
for update
