"""The promises of an event store, one file for each kind; `testing.contracts` puts them together."""
