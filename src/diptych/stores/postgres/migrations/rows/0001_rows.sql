-- Where projections stand, what changed in their read models, and the views beside them. The rows themselves are in
-- tables of their own, which come and go with the generations of a projection.

create table diptych.diptych_checkpoint (
    projection  text    not null primary key,
    position    bigint  not null,
    generation  integer not null,
    version     bigint  not null,
    fingerprint text    not null,
    log_id      uuid    not null,
    epoch       bigint  not null,
    target      bigint,                         -- while it is rebuilt: up to where
    error       text                            -- why it stopped
) with (fillfactor = 50);

create table diptych.diptych_model (
    name       text    not null primary key,    -- of a read model or a view
    projection text    not null,
    generation integer not null,
    changed    bigint  not null,
    trimmed    bigint  not null
) with (fillfactor = 50);

create table diptych.diptych_feed (
    position bigint  not null,
    model    text    not null,
    key      text    not null collate "C",
    reset    boolean not null default false
);

create index diptych_feed_by_position on diptych.diptych_feed (position);

create table diptych.diptych_view (
    name         text             not null primary key,
    position     bigint           not null,
    seen         bigint           not null,
    fingerprint  text             not null,
    log_id       uuid             not null,
    refreshed_at bigint           not null,
    row_count    bigint           not null,
    seconds      double precision not null,
    generation   integer          not null
);
