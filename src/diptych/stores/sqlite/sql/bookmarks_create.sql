create table if not exists bookmarks (
    subscriber text not null primary key,
    position integer not null,
    log_id text not null,
    epoch integer not null,
    owner text not null,
    expires integer not null,
    failing integer,
    attempts integer,
    error text
) strict, without rowid
