create table if not exists diptych_worker (
    worker text not null primary key,
    name text not null,
    projections text not null,
    expires integer not null
) strict, without rowid
