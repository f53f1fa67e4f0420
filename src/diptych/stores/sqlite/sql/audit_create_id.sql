create index if not exists attempts_id on attempts (id)
