"""The same fold run again: what checks the read models, sharing no code with what runs them."""
