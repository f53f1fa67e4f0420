select schema_version, log_id from log
