update diptych_model
set trimmed = ?
where trimmed < ?
