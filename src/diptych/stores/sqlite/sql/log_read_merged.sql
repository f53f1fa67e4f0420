select
    ?1,
    {nulls}
where (select max(id) from types) > ?2
union all
{arms}
order by 1 {order}
limit ?5
