update bookmarks
set
    position = ?,
    failing = ?,
    attempts = ?,
    error = ?
where
    subscriber = ?
    and position = ?
    and epoch = ?
