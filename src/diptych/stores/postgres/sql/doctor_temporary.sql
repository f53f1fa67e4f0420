-- The database, if this role may make no temporary tables there and views are kept: their refresh makes one.
select current_database()::text
where not has_database_privilege(current_database(), 'TEMPORARY') and exists (select from diptych.diptych_view)
