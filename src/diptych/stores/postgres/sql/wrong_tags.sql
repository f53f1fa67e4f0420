-- The first event of a page that lacks a row for one of its tags, or whose row names another type.
select min(e.position)
from diptych.events as e
cross join lateral json_array_elements(e.tags::json) as tag (text)
left join unnest($3::text[], $4::bigint[]) as known (text, id) on known.text = tag.text::text
left join diptych.event_tags as t on t.tag = known.id and t.position = e.position and t.type = e.type
where e.position > $1 and e.position <= $2 and t.tag is null
