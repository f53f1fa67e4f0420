insert or replace into diptych_lease (name, owner, epoch, expires) values ('projections', ?, ?, ?)
