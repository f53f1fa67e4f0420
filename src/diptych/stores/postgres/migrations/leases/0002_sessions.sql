-- Through which session a worker writes. One that sleeps in the middle of a transaction keeps its locks, and between two
-- messages of one statement, or of a COPY, no setting of the server bounds that: whoever takes over ends its session.

alter table diptych.workers add column pid integer, add column started timestamptz;
