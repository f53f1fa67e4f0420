delete from attempts
where at < ?
