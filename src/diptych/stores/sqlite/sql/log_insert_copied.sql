insert into copied (source, position, head, finished, origins) values (?, ?, ?, ?, ?)
