"""Reactions: events in, effects out."""
