-- Commands that were not accepted, the newest ones.

create table diptych.attempts (
    number      bigint not null primary key,    -- dense, in the order of commits: `trail` counts them
    id          uuid   not null,
    name        text   not null,
    outcome     text   not null,
    at          bigint not null,                -- microseconds since 1970 UTC
    micros      bigint not null,
    principal   text,
    reason      text   not null,
    correlation uuid,
    causation   uuid,
    content     bytea
);

create index attempts_by_time on diptych.attempts (at, number);
create index attempts_by_id on diptych.attempts (id);
create index attempts_by_cause on diptych.attempts (causation) where causation is not null;

create table diptych.trail (
    last    bigint  not null,                   -- the number of the newest attempt
    dropped bigint  not null,
    single  boolean not null primary key default true check (single)
);

insert into diptych.trail (last, dropped) values (0, 0);
