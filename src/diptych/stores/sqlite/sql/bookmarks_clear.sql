delete from bookmarks
