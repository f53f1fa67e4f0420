"""Fuzzing: commands that Hypothesis makes up, decided one after the other, and laws that must hold all along."""
