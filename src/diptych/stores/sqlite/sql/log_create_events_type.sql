create index events_type on events (type)
