"""Reactions: what the shop tells others, after the fact."""
