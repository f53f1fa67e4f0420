select id, name, version from types where id > ?
