insert into tags (id, tag) values (?, ?)
