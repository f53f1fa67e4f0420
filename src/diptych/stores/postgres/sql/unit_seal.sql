-- What is left is the append and the commit: bounded by themselves, planned for a full log.
select
    case
        when current_setting('server_version_num')::integer >= 170000
            then set_config('transaction_timeout', '0', true)
    end,
    set_config('idle_in_transaction_session_timeout', :patience, true),
    set_config('statement_timeout', :patience, true),
    set_config('lock_timeout', :turn, true),
    set_config('plan_cache_mode', 'force_generic_plan', true),
    set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true),
    current_setting('transaction_isolation') as isolation,
    pg_current_xact_id()::text as transaction
