-- Saved states of folds. The key is a hash of fold and tags, which may be longer than an index takes.

create table diptych.snapshots (
    key  uuid  not null primary key,
    fold text  not null,
    tags text  not null,
    data bytea not null
);
