insert into diptych.copied (source, position, head, finished, origins) values ($1, $2, $3, $4, $5)
on conflict (single) do update
set
    source = excluded.source,
    position = excluded.position,
    head = excluded.head,
    finished = excluded.finished,
    origins = excluded.origins
