insert into dropped (one, count) values (1, ?)
on conflict (one) do update set count = count + excluded.count
