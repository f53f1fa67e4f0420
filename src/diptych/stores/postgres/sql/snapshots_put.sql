insert into diptych.snapshots (key, fold, tags, data)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
on conflict (key) do update set fold = excluded.fold, tags = excluded.tags, data = excluded.data
