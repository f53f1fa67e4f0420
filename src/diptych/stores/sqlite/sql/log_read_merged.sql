select
    ?,
    {nulls}
where (select max(id) from types) > ?
union all
{arms}
order by 1 {order}
limit ?
