insert into snapshots (
    fold,
    tags,
    data
) values (?, ?, ?)
on conflict (fold, tags) do update set data = excluded.data
