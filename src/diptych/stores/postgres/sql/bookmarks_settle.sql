insert into diptych.bookmarks (subscriber, position, log_id, epoch, owner, expires, failing, attempts, error)
values ($1, $2, $3, 0, $4, now(), $5, $6, $7)
