update diptych_checkpoint
set
    position = ?,
    target = ?,
    error = ?
where
    projection = ?
    and position = ?
    and epoch = ?
