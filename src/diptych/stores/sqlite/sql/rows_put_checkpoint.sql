insert or replace into diptych_checkpoint (
    projection,
    position,
    generation,
    version,
    fingerprint,
    log_id,
    epoch,
    target,
    error
) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
