update diptych.bookmarks
set position = $4, failing = $5, attempts = $6, error = $7
where subscriber = $1 and position = $2 and epoch = $3
returning epoch
