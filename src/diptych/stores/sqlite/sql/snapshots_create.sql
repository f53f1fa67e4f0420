create table if not exists snapshots (
    fold text not null,
    tags text not null,
    data blob not null,
    primary key (fold, tags)
) strict
