create table if not exists diptych_checkpoint (
    projection text not null primary key,
    position integer not null,
    generation integer not null,
    version integer not null,
    fingerprint text not null,
    log_id text not null,
    epoch integer not null,
    target integer,
    error text
) strict, without rowid
