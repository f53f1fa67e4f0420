create table if not exists diptych_owner (
    projection text not null primary key,
    worker text,
    epoch integer not null,
    code text not null,
    since integer not null
) strict, without rowid
