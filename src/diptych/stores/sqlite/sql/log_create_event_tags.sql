create table event_tags (
    tag      integer not null,
    type     integer not null,
    position integer not null,
    primary key (tag, type, position)
) without rowid
