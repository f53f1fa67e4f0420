"""Queries: what may be asked, and where the answer is read."""
