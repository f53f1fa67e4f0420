-- How far subscribers have come, and who runs them until when, by the clock of this server.

create table diptych.bookmarks (
    subscriber text        not null primary key,
    position   bigint      not null,
    log_id     uuid        not null,
    epoch      bigint      not null,            -- counts the owners
    owner      uuid        not null,
    expires    timestamptz not null,
    failing    bigint,                          -- the position at which it fails
    attempts   bigint,
    error      text,
    check ((failing is null) = (attempts is null) and (failing is null) = (error is null))
) with (fillfactor = 50);                       -- moves stay on their page, and touch no index

create table diptych.skips (
    number     bigint not null primary key generated always as identity,
    subscriber text   not null,
    position   bigint not null,
    skipped_at bigint not null,                 -- microseconds since 1970 UTC
    error      text   not null
);
