update diptych.bookmarks set expires = '-infinity' where owner = $1
