insert or replace into diptych_view (
    name,
    position,
    seen,
    fingerprint,
    log_id,
    refreshed_at,
    row_count,
    seconds,
    generation
) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
