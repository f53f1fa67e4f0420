select number, id, name, outcome, at, micros, principal, reason, correlation, causation, content
from diptych.attempts
where
    (at, number) < ($1, $2)
    and at >= $3
    and ($4::text is null or name = $4)
    and ($5::text is null or principal = $5)
    and ($6::text is null or outcome = $6)
order by at desc, number desc
limit $7
