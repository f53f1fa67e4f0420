create table if not exists attempts (
    number integer primary key autoincrement,
    id blob not null,
    name text not null,
    outcome text not null,
    at integer not null,
    micros integer not null,
    principal text,
    reason text not null,
    correlation blob,
    causation blob,
    content blob
) strict
