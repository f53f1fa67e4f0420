"""Stores in PostgreSQL, by asyncpg."""
