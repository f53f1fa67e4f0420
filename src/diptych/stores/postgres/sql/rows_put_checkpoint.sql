insert into diptych.diptych_checkpoint (
    projection, position, generation, version, fingerprint, log_id, epoch, target, error
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (projection) do update set
    position = excluded.position,
    generation = excluded.generation,
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    log_id = excluded.log_id,
    epoch = excluded.epoch,
    target = excluded.target,
    error = excluded.error
