-- The commonest appends: one event of at most two tags, under one guard that names a tag, with a record. What the others
-- need for any number of each, arrays and loops, costs as much as what is to be done: one alone comes as scalars, and
-- many as rows.

create type diptych.simple_append as (
    now_at        bigint,
    meta          bytea,
    r_id          uuid,
    r_name        text,
    r_fingerprint bytea,
    r_answer      bytea,
    r_actor       text,
    g_after       bigint,
    g_tag         bigint,
    g_tags        text,
    g_types       text,
    e_type        bigint,
    e_version     integer,
    e_tags        text,
    e_data        bytea,
    e_hash        bytea,
    t_first       bigint,
    t_second      bigint
);

-- One append. Returns what `append_one` does, as numbers: `is_taken` is 0 or 1.
create function diptych.append_simple(
    now_at bigint, meta bytea,
    r_id uuid, r_name text, r_fingerprint bytea, r_answer bytea, r_actor text,
    g_after bigint, g_tag bigint, g_tags text, g_types text,
    e_type bigint, e_version integer, e_tags text, e_data bytea, e_hash bytea,
    t_first bigint, t_second bigint
) returns bigint[] language plpgsql volatile as $$
declare
    head bigint;
    recorded_at bigint;
    is_taken boolean;
    is_suspect boolean;
    conflict bigint;
begin
    perform diptych.take_position();
    -- Suspect is what has the guard's hash and type: texts are compared only then.
    select
        e.position,
        e.recorded_at,
        exists (select from diptych.commands as c where c.id = r_id),
        exists (
            select from diptych.event_tags as t
            where t.tag = g_tag and t.position > g_after and (g_types is null or t.type = any (g_types::bigint[]))
        )
    into head, recorded_at, is_taken, is_suspect
    from diptych.events as e
    order by e.position desc
    limit 1;
    if head is null then  -- no events; there may be records
        head := 0;
        is_taken := exists (select from diptych.commands as c where c.id = r_id);
    end if;
    recorded_at := greatest(recorded_at, now_at);
    if is_taken then
        return array[head, recorded_at, 1, null];
    end if;
    if is_suspect then
        conflict := diptych.forbidden(g_tag, g_tags, g_types::bigint[], g_after);
        if conflict is not null then
            return array[head, recorded_at, 0, conflict];
        end if;
    end if;
    insert into diptych.events (position, type, version, recorded_at, tags, data, metadata, hash)
    values (head + 1, e_type, e_version, recorded_at, e_tags, e_data, meta, e_hash);
    if t_first is not null then
        insert into diptych.event_tags (tag, position, type) values (t_first, head + 1, e_type);
    end if;
    if t_second is not null then
        insert into diptych.event_tags (tag, position, type) values (t_second, head + 1, e_type);
    end if;
    insert into diptych.commands (id, position, recorded_at, name, actor, fingerprint, answer)
    values (r_id, head + 1, recorded_at, r_name, r_actor, r_fingerprint, r_answer);
    return array[head, recorded_at, 0, null];
end
$$;

-- Many appends, of which none can be in conflict with another of the batch: whoever calls sees to that. `now_at` never
-- falls. Returns what `append_many` does.
create function diptych.append_simples(
    appends diptych.simple_append[],
    out head bigint, out recorded_at bigint, out taken bigint[], out lost bigint[], out conflicts bigint[]
) language plpgsql volatile as $$
declare
    refused bigint[];
begin
    perform diptych.take_position();
    select e.position, e.recorded_at into head, recorded_at from diptych.events as e order by e.position desc limit 1;
    head := coalesce(head, 0);
    recorded_at := coalesce(recorded_at, 0);
    with judged as materialized (
        select
            a.ordinality as at,
            exists (select from diptych.commands as c where c.id = a.r_id) as is_taken,
            case
                when exists (
                    select from diptych.event_tags as t
                    where t.tag = a.g_tag and t.position > a.g_after
                        and (a.g_types is null or t.type = any (a.g_types::bigint[]))
                )
                then diptych.forbidden(a.g_tag, a.g_tags, a.g_types::bigint[], a.g_after)
            end as conflict
        from unnest(appends) with ordinality as a
    )
    select
        array_agg(j.at) filter (where j.is_taken),
        array_agg(j.at) filter (where not j.is_taken),
        array_agg(j.conflict) filter (where not j.is_taken),
        coalesce(array_agg(j.at order by j.at), '{}')
    into taken, lost, conflicts, refused
    from judged as j
    where j.is_taken or j.conflict is not null;
    -- `width_bucket` says how many were refused before this one.
    insert into diptych.events (position, type, version, recorded_at, tags, data, metadata, hash)
    select
        head + a.ordinality - width_bucket(a.ordinality, refused), a.e_type, a.e_version,
        greatest(a.now_at, recorded_at), a.e_tags, a.e_data, a.meta, a.e_hash
    from unnest(appends) with ordinality as a
    where a.ordinality <> all (refused);
    insert into diptych.event_tags (tag, position, type)
    select t.tag, head + a.ordinality - width_bucket(a.ordinality, refused), a.e_type
    from unnest(appends) with ordinality as a
    cross join lateral (values (a.t_first), (a.t_second)) as t (tag)
    where t.tag is not null and a.ordinality <> all (refused);
    insert into diptych.commands (id, position, recorded_at, name, actor, fingerprint, answer)
    select
        a.r_id, head + a.ordinality - width_bucket(a.ordinality, refused), greatest(a.now_at, recorded_at), a.r_name,
        a.r_actor, a.r_fingerprint, a.r_answer
    from unnest(appends) with ordinality as a
    where a.ordinality <> all (refused);
end
$$;
