create table log (
    schema_version integer not null,
    log_id         blob    not null
)
