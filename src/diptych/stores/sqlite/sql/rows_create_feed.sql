create table if not exists diptych_feed (
    position integer not null,
    model text not null,
    key text not null,
    reset integer not null default 0,
    primary key (position, model, key)
) strict, without rowid
