select
    case
        when to_regnamespace($1::text) is null then has_database_privilege(current_database(), 'CREATE')
        else has_schema_privilege($1::text, 'CREATE')
    end
