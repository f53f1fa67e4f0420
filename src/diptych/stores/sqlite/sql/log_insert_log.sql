insert into log (schema_version, log_id) values (?, ?)
