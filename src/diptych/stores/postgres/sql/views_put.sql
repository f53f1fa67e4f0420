insert into diptych.diptych_view (
    name, position, seen, fingerprint, log_id, refreshed_at, row_count, seconds, generation
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (name) do update set
    position = excluded.position,
    seen = excluded.seen,
    fingerprint = excluded.fingerprint,
    log_id = excluded.log_id,
    refreshed_at = excluded.refreshed_at,
    row_count = excluded.row_count,
    seconds = excluded.seconds,
    generation = excluded.generation
