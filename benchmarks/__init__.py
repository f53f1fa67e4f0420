"""How fast Diptych is beside raw code that was measured in the same run: `python -m benchmarks` (= `make bench`)."""
