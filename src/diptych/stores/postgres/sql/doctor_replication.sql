-- Whose state is null here runs as a role about which this one may know nothing.
select
    pg_is_in_recovery() as is_standby,
    (select count(*) from pg_stat_replication) as standbys,
    (select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum')) as synchronous,
    (select count(*) from pg_stat_replication where sync_state is null) as unknown,
    current_setting('synchronous_standby_names') as names,
    current_setting('synchronous_commit') as commits,
    (
        select coalesce(array_agg(slot_name::text order by slot_name), '{}')
        from pg_replication_slots
        where not active
    ) as idle_slots
