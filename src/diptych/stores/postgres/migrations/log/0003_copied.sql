-- How far this log is a copy of another one; no row in a log that began by itself.

create table diptych.copied (
    source   uuid    not null,                  -- the id of the log that this one is a copy of
    position bigint  not null,                  -- everything of the source up to there is here
    head     bigint  not null,                  -- where this log ended then
    finished boolean not null,                  -- the copy was compared with its source, and is whole
    origins  text    not null,                  -- JSON: in which logs events were first recorded, up to which position
    single   boolean not null primary key default true check (single)
);
