create table types (
    id      integer primary key,
    name    text    not null,
    version integer not null,
    unique (name, version)
)
