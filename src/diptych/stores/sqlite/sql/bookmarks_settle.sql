insert into bookmarks (
    subscriber,
    position,
    log_id,
    epoch,
    owner,
    expires,
    failing,
    attempts,
    error
) values (?, ?, ?, 0, '', 0, ?, ?, ?)
