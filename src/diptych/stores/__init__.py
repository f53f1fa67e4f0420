"""Adapters of the ports: memory and SQLite, the clock and the ids."""
