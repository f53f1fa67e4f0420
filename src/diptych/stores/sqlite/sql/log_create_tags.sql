create table tags (
    id  integer primary key,
    tag text    not null unique
)
