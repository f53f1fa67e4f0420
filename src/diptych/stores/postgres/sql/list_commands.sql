select id, name, fingerprint, answer, position, recorded_at, actor
from diptych.commands
where
    (recorded_at, id) < ($1, $2::uuid)
    and recorded_at >= $3
    and ($4::text is null or name = $4)
    and ($5::text is null or actor = $5)
order by recorded_at desc, id desc
limit $6
