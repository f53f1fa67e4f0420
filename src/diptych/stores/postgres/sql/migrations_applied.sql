select component, number, name, checksum from diptych.migrations
