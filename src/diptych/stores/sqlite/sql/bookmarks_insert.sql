insert into bookmarks (
    subscriber,
    position,
    log_id,
    epoch,
    owner,
    expires
) values (?, ?, ?, 1, ?, ?)
