-- Which worker owns which projection, by the clock of this server.

create table diptych.workers (
    worker      uuid        not null primary key,
    name        text        not null,           -- machine and process, for people
    projections jsonb       not null,           -- what it would fold: name -> mark of the code
    expires     timestamptz not null
) with (fillfactor = 50);

create table diptych.owners (
    projection text        not null primary key,
    worker     uuid,                            -- null: it was given up
    epoch      bigint      not null,            -- counts the owners
    code       text        not null,
    since      timestamptz not null
);
