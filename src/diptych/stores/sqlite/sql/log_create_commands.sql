create table commands (
    id          blob    not null primary key,
    name        text    not null,
    fingerprint blob    not null,
    answer      blob    not null,
    position    integer not null,
    recorded_at integer not null,
    actor       text
) without rowid
