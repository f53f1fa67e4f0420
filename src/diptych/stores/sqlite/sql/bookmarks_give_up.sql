update bookmarks
set expires = 0
where owner = ?
