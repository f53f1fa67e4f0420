update diptych_owner
set
    worker = null,
    since = ?
where worker = ?
