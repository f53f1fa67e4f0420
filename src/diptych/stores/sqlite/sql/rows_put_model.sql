insert or replace into diptych_model (
    name,
    projection,
    generation,
    changed,
    trimmed
) values (?, ?, ?, ?, ?)
