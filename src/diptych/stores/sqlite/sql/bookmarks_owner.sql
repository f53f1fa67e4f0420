select
    owner,
    expires
from bookmarks
where subscriber = ?
