-- Who has begun is alone: what units of work wrote before is committed, and nothing more is until the end.
select
    pg_advisory_xact_lock(hashtextextended('diptych.units', 0)),
    set_config('idle_in_transaction_session_timeout', :limit, true),
    set_config('statement_timeout', :limit, true),
    case
        when current_setting('server_version_num')::integer >= 170000
            then set_config('transaction_timeout', :limit, true)
    end,
    pg_current_xact_id()::text as transaction
