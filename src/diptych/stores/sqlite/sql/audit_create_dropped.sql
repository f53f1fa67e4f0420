create table if not exists dropped (
    one integer not null primary key check (one = 1),
    count integer not null
) strict
