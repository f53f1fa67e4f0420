insert into {index} ({index})
values ('rebuild')
