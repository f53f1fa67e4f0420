"""Adapters of the ports: memory, SQLite and PostgreSQL, the clock and the ids."""
