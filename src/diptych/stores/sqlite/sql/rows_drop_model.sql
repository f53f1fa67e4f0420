delete from diptych_model
where name = ?
