insert into types (name, version) values (?, ?)
