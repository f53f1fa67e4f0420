create table if not exists copied (
    source   blob    not null,   -- the id of the log that this one is a copy of
    position integer not null,   -- everything of the source up to there is here
    head     integer not null,   -- where this log ended then
    finished integer not null,   -- 1: the copy was compared with its source, and is whole
    origins  text    not null    -- JSON: the logs in which events were first recorded, and up to which position
)
