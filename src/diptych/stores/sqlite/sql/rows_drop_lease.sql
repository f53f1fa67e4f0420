drop table if exists diptych_lease
