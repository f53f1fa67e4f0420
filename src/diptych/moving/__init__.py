"""Moving house: a log is copied into another store, written to a file and read from one, and both are compared."""
