delete from diptych_worker
where worker = ?
