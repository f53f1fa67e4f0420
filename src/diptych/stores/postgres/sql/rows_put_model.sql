insert into diptych.diptych_model (name, projection, generation, changed, trimmed)
values ($1, $2, $3, $4, $5)
on conflict (name) do update set
    projection = excluded.projection,
    generation = excluded.generation,
    changed = excluded.changed,
    trimmed = excluded.trimmed
