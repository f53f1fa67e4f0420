select id from tags where tag = ?
