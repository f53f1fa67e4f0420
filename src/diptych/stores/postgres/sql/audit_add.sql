-- A batch, numbered from where the trail ended; what there is no room for is not stored in the first place.
with trail as (
    update diptych.trail
    set last = last + cardinality($1::uuid[]), dropped = dropped + $11
    returning last
),
forgotten as (
    delete from diptych.attempts using trail where number <= trail.last - $12::bigint or at < $13
)
insert into diptych.attempts (
    number, id, name, outcome, at, micros, principal, reason, correlation, causation, content
)
select
    trail.last - cardinality($1) + a.place, a.id, a.name, a.outcome, a.at, a.micros, a.principal, a.reason,
    a.correlation, a.causation, a.content
from trail
cross join unnest(
    $1, $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::uuid[], $9::uuid[], $10::bytea[]
) with ordinality as a (id, name, outcome, at, micros, principal, reason, correlation, causation, content, place)
where a.place > cardinality($1) - $12::bigint and a.at >= $13
