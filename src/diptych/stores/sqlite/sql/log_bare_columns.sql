e.type,
e.data
