"""SQLite: the event log and the rows of read models, each in one file."""
