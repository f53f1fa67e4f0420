select subscriber, position, log_id, epoch, failing, attempts, error from diptych.bookmarks
