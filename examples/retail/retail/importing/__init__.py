"""The import: a file of sale lines becomes commands, each sent once however often the import runs."""
