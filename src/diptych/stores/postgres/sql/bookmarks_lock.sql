lock table diptych.bookmarks in share row exclusive mode
