and t.type in (select id from types where name in ({names}))
