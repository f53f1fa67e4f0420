"""Diptych: typed commands and queries, one ordered log of events, and read models that are provably its fold."""
