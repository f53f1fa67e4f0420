-- The log: events in the order of their commits, what finds them by tag, and the records of accepted commands.

create table diptych.log (
    log_id uuid    not null,
    single boolean not null primary key default true check (single)
);

insert into diptych.log (log_id) values (gen_random_uuid());

-- Ids of types and tags are 64 bits of a hash of their text: nobody has to look them up before an append.
create table diptych.types (
    id   bigint not null primary key,
    name text   not null unique
);

create table diptych.events (
    position    bigint  not null primary key,   -- dense, in the order of commits; a safety net besides
    type        bigint  not null,
    version     integer not null,
    recorded_at bigint  not null,               -- microseconds since 1970 UTC; never falls
    tags        text    not null,               -- a JSON array of texts
    data        bytea   not null,               -- canonical JSON
    metadata    bytea   not null,
    hash        bytea   not null
);

create index events_by_type on diptych.events (type, position);

create table diptych.event_tags (
    tag      bigint not null,
    position bigint not null,
    type     bigint not null,
    primary key (tag, position) include (type)
);

create table diptych.commands (
    id          uuid   not null primary key,
    position    bigint not null,
    recorded_at bigint not null,
    name        text   not null,
    actor       text,
    fingerprint bytea  not null,
    answer      bytea  not null
);

create index commands_by_time on diptych.commands (recorded_at, id);

-- What happened is never changed. Owners may not either (unless they grant themselves the right again); the trigger
-- stops superusers, whom no grant stops.
revoke update, delete, truncate on diptych.events, diptych.event_tags, diptych.commands, diptych.log from current_user;

create function diptych.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is only ever appended to: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create trigger refuse_change before update or delete or truncate on diptych.events
for each statement execute function diptych.refuse_change();

create trigger refuse_change before update or delete or truncate on diptych.event_tags
for each statement execute function diptych.refuse_change();

create trigger refuse_change before update or delete or truncate on diptych.commands
for each statement execute function diptych.refuse_change();
