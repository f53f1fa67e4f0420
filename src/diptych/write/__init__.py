"""The left panel: commands in, events out. Load, fold, decide, append, and again when somebody was faster."""
