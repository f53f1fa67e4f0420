"""The pure heart: messages, folds, deciders, decision models, projections, results.

Nothing in here awaits, reads a clock, draws randomness or touches a disk; time and ids come in as arguments.
"""
