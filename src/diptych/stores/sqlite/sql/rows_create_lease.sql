create table if not exists diptych_lease (
    name text not null primary key,
    owner text not null,
    epoch integer not null,
    expires integer not null
) strict, without rowid
