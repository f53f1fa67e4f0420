"""Read models: every row is a fold of the log, whichever write model recorded it."""
