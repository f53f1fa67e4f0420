create table if not exists diptych_view (
    name text not null primary key,
    position integer not null,
    seen integer not null,
    fingerprint text not null,
    log_id text not null,
    refreshed_at integer not null,
    row_count integer not null,
    seconds real not null,
    generation integer not null
) strict, without rowid
