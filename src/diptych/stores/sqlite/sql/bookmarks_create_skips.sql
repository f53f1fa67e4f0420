create table if not exists skips (
    subscriber text not null,
    position integer not null,
    skipped_at integer not null,
    error text not null
) strict
