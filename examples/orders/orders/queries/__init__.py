"""What may be asked; no query joins anything, and none changes anything."""
