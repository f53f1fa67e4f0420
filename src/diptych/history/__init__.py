"""The same fold run again. What checks read models shares no code with what runs them; what foretells them, all."""
