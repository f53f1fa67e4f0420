update bookmarks
set
    epoch = epoch + 1,
    owner = ?,
    expires = ?
where subscriber = ?
