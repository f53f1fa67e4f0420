insert into attempts (
    id,
    name,
    outcome,
    at,
    micros,
    principal,
    reason,
    correlation,
    causation,
    content
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
