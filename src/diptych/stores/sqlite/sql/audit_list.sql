select
    number,
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
from attempts
where
    (at, number) < (?1, ?2)
    and at >= ?3
    and (?4 is null or name = ?4)
    and (?5 is null or principal = ?5)
    and (?6 is null or outcome = ?6)
order by at desc, number desc
limit ?7
