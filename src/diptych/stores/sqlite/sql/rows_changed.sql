update diptych_model
set changed = ?
where name = ?
