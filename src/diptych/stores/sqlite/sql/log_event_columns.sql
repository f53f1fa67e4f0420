e.type,
e.tags,
e.data,
case typeof(e.metadata)
    when 'integer' then (select f.metadata from events as f where f.position = e.metadata)
    else e.metadata
end,
e.recorded_at,
e.hash
