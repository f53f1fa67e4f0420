create index if not exists attempts_at on attempts (at)
