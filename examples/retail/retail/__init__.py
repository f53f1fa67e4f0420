"""A retail shop on Diptych: point of sale and stock."""
