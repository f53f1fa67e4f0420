create table if not exists diptych_model (
    name text not null primary key,
    projection text not null,
    generation integer not null,
    changed integer not null,
    trimmed integer not null
) strict, without rowid
