"""The right panel: events in, rows out; queries answer from rows and wait for positions."""
