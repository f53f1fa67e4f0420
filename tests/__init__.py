"""The tests of Diptych; folders mirror `src/diptych`."""
