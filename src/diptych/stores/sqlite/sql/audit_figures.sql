select
    (select count(*) from attempts),
    coalesce((select count from dropped), 0)
