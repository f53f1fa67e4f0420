create table events (
    position    integer primary key,
    type        integer not null,
    tags        text    not null,   -- a JSON array of texts
    data        blob    not null,
    metadata            not null,   -- a blob; or the position of the first event of the same append, which holds it
    recorded_at integer not null,
    hash        blob    not null
)
