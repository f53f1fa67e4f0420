-- Appending: a whole batch in one round trip.
--
-- In READ COMMITTED each statement of a volatile function sees what was committed before it began. The lock is the
-- first statement, and is given up only after its holder's commit is visible: the statements after it see the end of
-- the log. In REPEATABLE READ they would not, so that is refused.

create function diptych.take_position() returns void language plpgsql volatile as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'appending needs READ COMMITTED, found %', current_setting('transaction_isolation')
            using errcode = 'active_sql_transaction';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('diptych.events', 0));
end
$$;

-- The last event after a position that a guard forbids; null if there is none. `tags` is a JSON array of texts, of which
-- the first has the id `tag`.
create function diptych.forbidden(tag bigint, tags text, types bigint[], after bigint) returns bigint
language plpgsql stable as $$
#variable_conflict use_variable
declare
    found_at bigint;
begin
    if tag is not null then
        select t.position into found_at
        from diptych.event_tags as t
        where t.tag = tag and t.position > after and (types is null or t.type = any (types))
            -- Tags with one hash are told apart, and all of several are looked for, where the row is at hand. As texts of
            -- JSON, each behind its comma: jsonb would refuse \u0000.
            and exists (
                select from diptych.events as e
                where e.position = t.position and not exists (
                    select from json_array_elements(tags::json) as wanted (tag)
                    where strpos(',' || substr(e.tags, 2), ',' || wanted.tag::text) = 0
                )
            )
        order by t.position desc
        limit 1;
    elsif types is not null then
        select e.position into found_at
        from diptych.events as e
        where e.position > after and e.type = any (types)
        order by e.position desc
        limit 1;
    else
        select e.position into found_at
        from diptych.events as e
        where e.position > after
        order by e.position desc
        limit 1;
    end if;
    return found_at;
end
$$;

create function diptych.name_types(ids bigint[], names text[]) returns void language plpgsql volatile as $$
declare
    clash text;
begin
    insert into diptych.types (id, name) select * from unnest(ids, names) on conflict do nothing;
    select n.name into clash
    from unnest(ids, names) as n (id, name)
    left join diptych.types as t on t.id = n.id and t.name = n.name
    where t.id is null
    limit 1;
    if clash is not null then
        raise exception 'the type % has the hash of another type; name it otherwise', clash
            using errcode = 'unique_violation';
    end if;
end
$$;

-- One append. Returns where the log ended before, when its last event was recorded, whether the command id is taken,
-- and the position of an event that the condition forbids.
create function diptych.append_one(
    now_at bigint, meta bytea,
    r_id uuid, r_name text, r_fingerprint bytea, r_answer bytea, r_position bigint, r_actor text,
    g_after bigint[], g_tag bigint[], g_tags text[], g_types text[],
    n_id bigint[], n_name text[],
    e_type bigint[], e_version integer[], e_tags text[], e_data bytea[], e_hash bytea[],
    t_event integer[], t_tag bigint[],
    out head bigint, out recorded_at bigint, out is_taken boolean, out conflict bigint
) language plpgsql volatile as $$
declare
    many integer := coalesce(cardinality(e_type), 0);
begin
    perform diptych.take_position();
    select e.position, e.recorded_at into head, recorded_at from diptych.events as e order by e.position desc limit 1;
    head := coalesce(head, 0);
    recorded_at := greatest(coalesce(recorded_at, 0), now_at);
    is_taken := r_id is not null and exists (select from diptych.commands as c where c.id = r_id);
    if is_taken then
        return;
    end if;
    for i in 1 .. coalesce(cardinality(g_after), 0) loop
        if head > g_after[i] then
            conflict := diptych.forbidden(g_tag[i], g_tags[i], g_types[i]::bigint[], g_after[i]);
            if conflict is not null then
                return;
            end if;
        end if;
    end loop;
    if n_id is not null then
        perform diptych.name_types(n_id, n_name);
    end if;
    if many = 1 then
        insert into diptych.events (position, type, version, recorded_at, tags, data, metadata, hash)
        values (head + 1, e_type[1], e_version[1], recorded_at, e_tags[1], e_data[1], meta, e_hash[1]);
    elsif many > 1 then
        insert into diptych.events (position, type, version, recorded_at, tags, data, metadata, hash)
        select head + e.at, e.type, e.version, recorded_at, e.tags, e.data, meta, e.hash
        from unnest(e_type, e_version, e_tags, e_data, e_hash)
            with ordinality as e (type, version, tags, data, hash, at);
    end if;
    if cardinality(t_tag) = 1 then
        insert into diptych.event_tags (tag, position, type) values (t_tag[1], head + t_event[1], e_type[t_event[1]]);
    elsif cardinality(t_tag) > 1 then
        insert into diptych.event_tags (tag, position, type)
        select t.tag, head + t.event, e_type[t.event] from unnest(t_event, t_tag) as t (event, tag);
    end if;
    if r_id is not null then
        insert into diptych.commands (id, position, recorded_at, name, actor, fingerprint, answer)
        values (
            r_id, case when many = 0 then r_position else head + many end, recorded_at, r_name, r_actor, r_fingerprint,
            r_answer
        );
    end if;
end
$$;

-- Many appends, of which none can be in conflict with another of the batch: whoever calls sees to that. `a_now` never
-- falls; `a_last` is the place in the batch of an append's last event, 0 without events. Returns where the log ended
-- before, when its last event was recorded, which appends are not taken in (command id taken, or in conflict), and where.
create function diptych.append_many(
    a_now bigint[], a_last integer[], a_meta bytea[],
    r_id uuid[], r_name text[], r_fingerprint bytea[], r_answer bytea[], r_position bigint[],
    r_actor text[],
    g_append integer[], g_after bigint[], g_tag bigint[], g_tags text[], g_types text[],
    n_id bigint[], n_name text[],
    e_append integer[], e_type bigint[], e_version integer[], e_tags text[], e_data bytea[], e_hash bytea[],
    t_event integer[], t_tag bigint[],
    out head bigint, out recorded_at bigint, out taken integer[], out lost integer[], out conflicts bigint[]
) language plpgsql volatile as $$
declare
    refused integer[];
    places bigint[];
begin
    perform diptych.take_position();
    select e.position, e.recorded_at into head, recorded_at from diptych.events as e order by e.position desc limit 1;
    head := coalesce(head, 0);
    recorded_at := coalesce(recorded_at, 0);
    select array_agg(r.at) into taken
    from unnest(r_id) with ordinality as r (id, at)
    where exists (select from diptych.commands as c where c.id = r.id);
    select array_agg(f.append), array_agg(f.position) into lost, conflicts
    from (
        select g.append, max(found.position) as position
        from unnest(g_append, g_after, g_tag, g_tags, g_types) as g (append, after, tag, tags, types)
        cross join lateral (
            (
                select t.position
                from diptych.event_tags as t
                where g.tag is not null and t.tag = g.tag and t.position > g.after
                    and (g.types is null or t.type = any (g.types::bigint[]))
                    and exists (
                        select from diptych.events as e
                        where e.position = t.position and not exists (
                            select from json_array_elements(g.tags::json) as wanted (tag)
                            where strpos(',' || substr(e.tags, 2), ',' || wanted.tag::text) = 0
                        )
                    )
                order by t.position desc
                limit 1
            )
            union all
            (
                select diptych.forbidden(null, null, g.types::bigint[], g.after) as position
                where g.tag is null and head > g.after
            )
        ) as found
        where found.position is not null
        group by g.append
    ) as f;
    if n_id is not null then
        perform diptych.name_types(n_id, n_name);
    end if;
    refused := taken || lost;
    if refused is null then
        insert into diptych.events (position, type, version, recorded_at, tags, data, metadata, hash)
        select
            head + e.at, e.type, e.version, greatest(a_now[e.append], recorded_at), e.tags, e.data, a_meta[e.append],
            e.hash
        from unnest(e_append, e_type, e_version, e_tags, e_data, e_hash)
            with ordinality as e (append, type, version, tags, data, hash, at);
        insert into diptych.event_tags (tag, position, type)
        select t.tag, head + t.event, e_type[t.event] from unnest(t_event, t_tag) as t (event, tag);
        insert into diptych.commands (id, position, recorded_at, name, actor, fingerprint, answer)
        select
            r.id, case when a_last[r.at] = 0 then r.position else head + a_last[r.at] end,
            greatest(a_now[r.at], recorded_at), r.name, r.actor, r.fingerprint, r.answer
        from unnest(r_id, r_name, r_fingerprint, r_answer, r_position, r_actor)
            with ordinality as r (id, name, fingerprint, answer, position, actor, at)
        where r.id is not null;
        return;
    end if;
    select array_agg(case when e.is_in then head + e.before end order by e.at) into places
    from (
        select e.at, e.is_in, count(*) filter (where e.is_in) over (order by e.at) as before
        from (
            select e.at, e.append <> all (refused) as is_in from unnest(e_append) with ordinality as e (append, at)
        ) as e
    ) as e;
    insert into diptych.events (position, type, version, recorded_at, tags, data, metadata, hash)
    select
        places[e.at], e.type, e.version, greatest(a_now[e.append], recorded_at), e.tags, e.data, a_meta[e.append], e.hash
    from unnest(e_append, e_type, e_version, e_tags, e_data, e_hash)
        with ordinality as e (append, type, version, tags, data, hash, at)
    where places[e.at] is not null;
    insert into diptych.event_tags (tag, position, type)
    select t.tag, places[t.event], e_type[t.event]
    from unnest(t_event, t_tag) as t (event, tag)
    where places[t.event] is not null;
    insert into diptych.commands (id, position, recorded_at, name, actor, fingerprint, answer)
    select
        r.id, case when a_last[r.at] = 0 then r.position else places[a_last[r.at]] end,
        greatest(a_now[r.at], recorded_at), r.name, r.actor, r.fingerprint, r.answer
    from unnest(r_id, r_name, r_fingerprint, r_answer, r_position, r_actor)
        with ordinality as r (id, name, fingerprint, answer, position, actor, at)
    where r.id is not null and r.at <> all (refused);
end
$$;
