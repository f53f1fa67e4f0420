"""Read models, denormalised: no query joins anything."""
