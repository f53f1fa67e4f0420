"""What the content of an event may be: any text, any size; and that it is proved."""
# ruff: noqa: S101, D102 (a contract is made of asserts and figures; a test's name is its sentence)

from __future__ import annotations

from diptych.codec import verify_content
from diptych.model.criteria import Criteria
from diptych.ports import EventStore, Examined
from diptych.testing.contract.material import METADATA, appending, event, everything, given, guard, positions, record

STRANGE = (
    "name:Zoë",
    "name:Zoe\u0308",  # looks the same, is another
    "name:日本語",
    "name:🂡",
    "name:with space",
    'name:"quoted"',
    "name:it's",
    "name:a\nb\tc",
    "name:[1,2]",
    "name:%_",
    "NAME:x",
    "name:x",
    "name:",
    ":",
    "\uffff",
)


class ContentContract:
    """Text is kept to the byte, tags are told apart by every character, big events are events, hashes hold."""

    async def test_tags_are_told_apart_by_every_character(self, store: EventStore) -> None:
        await given(store, *(event("named", tag) for tag in STRANGE))

        for position, tag in enumerate(STRANGE, start=1):
            assert await positions(store, Criteria.tagged(tag)) == [position]
            conflict = await store.append(appending(event(), condition=guard(tag, types=["named"])))
            assert getattr(conflict, "position", None) == position
        assert [each.tags for each in await everything(store)] == [(tag,) for tag in STRANGE]

    async def test_an_event_may_have_no_tags_or_many(self, store: EventStore) -> None:
        many = tuple(f"tag:{n}" for n in range(50))
        await given(store, event("named"), event("named", *many))

        assert [each.tags for each in await everything(store)] == [(), many]
        assert await positions(store, Criteria.tagged("tag:49", "tag:0", "tag:25")) == [2]

    async def test_a_big_event_is_an_event(self, store: EventStore) -> None:
        data = b'{"text":"' + b"x" * 5_000_000 + b'"}'
        await given(store, event("big", "thing:1", data=data), event("small", "thing:1"))

        found = await store.read(Criteria.tagged("thing:1"))

        assert [len(each.data) for each in found.events] == [len(data), 2]

    async def test_unicode_data_comes_back_to_the_byte(self, store: EventStore) -> None:
        data = '{"text":"Zoë 日本語 🂡 \u2028"}'.encode()
        await given(store, event("named", data=data))

        assert [each.data for each in await everything(store)] == [data]

    async def test_every_event_matches_its_hash(self, store: EventStore) -> None:
        await store.append(appending(*(event("named", tag, data=b'{"n":1}', version=2) for tag in STRANGE)))

        for each in await everything(store):
            verify_content(each.position, each.hash, each.name, each.version, each.tags, each.data, METADATA)

    async def test_a_whole_log_is_proved(self, store: EventStore) -> None:
        assert isinstance(store, Examined)
        await given(store, *(event("named", tag, "all:1") for tag in STRANGE))
        await store.append(appending(event(), event(), record=record()))

        reached = [position async for position in store.verify()]

        assert reached[-1] == len(STRANGE) + 2

    async def test_a_log_tells_of_itself(self, store: EventStore) -> None:
        assert isinstance(store, Examined)
        await given(store, event())

        described = await store.describe()
        assert described["events"] == 1
        assert isinstance(described["durable"], bool)
        assert sum(count for *_, count in described["types"]) == 1  # type: ignore[attr-defined]  # a list of three
        assert store.log_id == store.log_id
