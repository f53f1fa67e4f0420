insert or replace into diptych_worker (worker, name, projections, expires) values (?, ?, ?, ?)
