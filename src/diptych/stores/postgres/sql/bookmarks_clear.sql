delete from diptych.bookmarks
