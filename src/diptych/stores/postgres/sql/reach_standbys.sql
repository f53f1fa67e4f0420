-- Where commits wait for standbys: commit what means nothing, and wait with it for all that was committed before.
select pg_logical_emit_message(true, 'diptych', '')
where current_setting('synchronous_standby_names') <> '' and current_setting('transaction_read_only') = 'off'
