e.position,
e.type,
e.data
