-- Nothing is written, and no row locked, while another owner is alive: those who stand by ask several times a second.
insert into diptych.bookmarks as b (subscriber, position, log_id, epoch, owner, expires)
select $1, $2, $3, 1, $4, now() + make_interval(secs => $5)
where not exists (
    select
    from diptych.bookmarks as o
    where o.subscriber = $1 and o.owner <> $4
        and o.expires > now() and o.expires <= now() + make_interval(secs => 2 * $5)
)
on conflict (subscriber) do update
set
    epoch = b.epoch + case when b.owner = excluded.owner then 0 else 1 end,
    owner = excluded.owner,
    expires = excluded.expires
where b.owner = excluded.owner or b.expires <= now() or b.expires > now() + make_interval(secs => 2 * $5)
returning subscriber, position, log_id, epoch, failing, attempts, error
