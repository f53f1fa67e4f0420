insert into diptych.migrations (component, number, name, checksum) values ($1, $2, $3, $4)
