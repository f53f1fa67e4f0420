"""Describing: what an application is made of, drawn from its wiring alone."""
