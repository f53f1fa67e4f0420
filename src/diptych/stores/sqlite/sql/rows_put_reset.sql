insert or replace into diptych_feed (position, model, key, reset) values (?, ?, '', 1)
