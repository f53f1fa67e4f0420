insert into diptych_owner (projection, worker, epoch, code, since)
values (
    ?1,
    ?2,
    1 + coalesce((select max(epoch) from diptych_checkpoint where projection = ?1), 0),
    ?3,
    ?4
)
on conflict (projection) do update
set
    worker = excluded.worker,
    epoch = diptych_owner.epoch + 1,
    code = excluded.code,
    since = excluded.since
