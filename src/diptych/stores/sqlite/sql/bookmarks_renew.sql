update bookmarks
set expires = ?
where
    subscriber = ?
    and owner = ?
