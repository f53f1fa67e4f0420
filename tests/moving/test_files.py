"""A log as a file: what its lines look like is a promise, and a file that is not whole never becomes a log."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from hashlib import blake2b
from io import BufferedWriter, BytesIO, TextIOWrapper
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from diptych import CopyError, CorruptionError, SettingsError
from diptych.application.houses import copy_log, export_log, import_log
from diptych.codec import content_hash, encode
from diptych.errors import StorageFullError
from diptych.moving.digest import digest_of
from diptych.moving.exporting import export
from diptych.moving.files import written_to
from diptych.moving.house import House
from diptych.moving.importing import import_
from diptych.ports import FIRST, Appended, Bookmark, Copy, Failure, NewEvent, Record, Skip, StoredEvent
from diptych.stores.memory import MemoryEventStore
from diptych.stores.memory_bookmarks import MemoryBookmarks
from diptych.testing.contract.material import appending, event, everything
from tests.moving.kiosk import Ledger, Sell, application, sell, told

GOLDEN = Path(__file__).parents[1] / "golden" / "log_v1.ndjson"
LOG = UUID("0198c0de-0000-7000-8000-00000000000a")
SALE = UUID("0198c0de-0000-7000-8000-000000000001")
PRICED = UUID("7a1f4a52-95e5-5a3b-8e3a-0d8a5a0f6c11")
BEGAN = 1_700_000_000_000_000
Url = Callable[[str], str]


@pytest.fixture
def url(tmp_path: Path) -> Url:
    return lambda name: f"sqlite:///{tmp_path}/{name}.db"


async def golden_house() -> House:
    """A small log with everything that a line can hold; it began as a copy of another."""
    log, bookmarks = MemoryEventStore(), MemoryBookmarks()
    log._log_id = LOG
    events = [
        stored(1, ("product.created", 1), ("product:85123A",), b'{"name":"WHITE HEART","price":"2.5500"}', b""),
        stored(2, ("sale.made", 2), ("customer:Zo\u00eb", "sale:536365"), '{"customer":"Zo\u00eb"}'.encode(), MADE),
        stored(3, ("stock.moved", 1), (), b'{"delta":-6,"note":"a \\"quoted\\" word\\n"}', MADE),
    ]
    records = [
        Record(SALE, "make.sale", b"0123456789abcdef", b'"536365"', 3, BEGAN + 2, "ann"),
        Record(PRICED, "set.price", b"fedcba9876543210", b"null", 1, BEGAN + 9),
    ]
    await log.receive(events, records, before=None, after=Copy(UUID(int=9), 3, 0, (), finished=True))
    failing = Bookmark("mail", 2, LOG, 0, Failure(3, 4, "ConnectionError: no answer"))
    await bookmarks.settle([failing, Bookmark("index", 3, LOG, 0)], [Skip("mail", 1, BEGAN + 5, "no such address")])
    return House(log, bookmarks)


MADE = b'{"command":"0198c0de-0000-7000-8000-000000000001","actor":"ann"}'


def stored(position: int, kind: tuple[str, int], tags: tuple[str, ...], data: bytes, metadata: bytes) -> StoredEvent:
    digest = content_hash(*kind, tags, data, metadata)
    return StoredEvent(position, *kind, tags, data, metadata, BEGAN + position, digest)


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def empty() -> House:
    return House(MemoryEventStore(), MemoryBookmarks())


async def exported(opened: House) -> bytes:
    written = BytesIO()
    await export(opened, written.write, told)
    return written.getvalue()


async def test_the_lines_are_those_that_were_promised() -> None:
    assert await exported(await golden_house()) == GOLDEN.read_bytes()


async def test_what_was_promised_is_read() -> None:
    first, target = await golden_house(), empty()

    done = await import_(lines(GOLDEN.read_bytes()), target, told)

    assert (done.source, done.through, done.new_events) == (LOG, 3, 3)
    assert await everything(target.log) == await everything(first.log)
    assert await target.log.records_after(FIRST, limit=9) == await first.log.records_after(FIRST, limit=9)
    assert {each.position for each in (await target.bookmarks.all()).values()} == {2, 3}
    assert await target.bookmarks.skips() == await first.bookmarks.skips()
    copied = await target.log.copied()
    assert copied is not None
    assert copied.finished
    assert [origin.through for origin in copied.origins] == [3]
    assert done.digest == await digest_of(first, "", told)


async def test_a_log_comes_back_from_a_file_the_same(url: Url, tmp_path: Path) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 20)
        await app.reacted()
    for name in ("shop.ndjson", "shop.ndjson.gz"):
        digest = await export_log(url("old"), str(tmp_path / name), told)
        done = await import_log(str(tmp_path / name), url(name), told)
        assert done.digest == digest
        async with application(url(name), Ledger()) as app:
            assert (await app.send(Sell("paper-0", 3), key="customer 3", principal="ann")).position == 3
            assert await app.head() == 16
    assert gzip.decompress((tmp_path / "shop.ndjson.gz").read_bytes()) == (tmp_path / "shop.ndjson").read_bytes()
    assert (tmp_path / "shop.ndjson").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "shop.ndjson.part").exists()


def test_the_hash_of_events_is_that_of_their_lines() -> None:
    found = lines(GOLDEN.read_bytes())
    hashed = blake2b(b"".join(found[1:4]), digest_size=32).hexdigest()

    assert f'"events_hash":"{hashed}"'.encode() in found[-1]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@for_all(st.lists(st.tuples(TEXTS.filter(bool), st.lists(TEXTS, max_size=3), VALUES), max_size=5))
async def test_whatever_events_hold_comes_back(content: list[tuple[str, list[str], object]]) -> None:
    source, target = empty(), empty()
    for name, tags, value in content:
        new = event(name, *tags, data=encode(value))
        assert isinstance(await source.log.append(appending(new)), Appended)

    await import_(lines(await exported(source)), target, told)

    assert await everything(target.log) == await everything(source.log)


Damage = Callable[[list[bytes]], list[bytes]]


def spelt(number: int, old: bytes, new: bytes) -> Damage:
    """Write something else on one line."""
    return lambda found: [each.replace(old, new, 1) if at == number else each for at, each in enumerate(found, 1)]


def only(*numbers: int) -> Damage:
    """Keep these lines, in this order."""
    return lambda found: [found[number - 1] for number in numbers]


DAMAGES: dict[str, tuple[Damage, str]] = {
    "no line at all": (only(), "line 1 is not the first line of an exported log"),
    "no header": (only(2, 3, 4), "line 1 is not the first line of an exported log"),
    "another file": (lambda _: [b"sale,date\n"], "line 1 is damaged"),
    "a letter of an event": (spelt(3, b"Zo", b"Za"), "line 3 is damaged: the event at position 2"),
    "the time of an event": (spelt(3, b"0002,", b"0003,"), "before line 10, the last one, are not those"),
    "an event missing": (only(1, 2, 4), "line 3 holds event 3; wanted event 2"),
    "an event twice": (only(1, 2, 3, 3), "line 4 holds event 2; wanted event 3"),
    "the last event missing": (only(1, 2, 3, 5, 6, 7, 8, 9, 10), "before line 9, the last one"),
    "a record missing": (only(1, 2, 3, 4, 6, 7, 8, 9, 10), "before line 9, the last one"),
    "an answer": (spelt(5, b"536365", b"536366"), "before line 10, the last one"),
    "a record beyond the end": (spelt(5, b'"position":3', b'"position":4'), "names position 4 beyond the end"),
    "records out of order": (only(1, 2, 3, 4, 6, 5), "line 6 is out of order"),
    "an event after records": (only(1, 2, 3, 5, 4), "line 5 is out of order"),
    "half a line": (lambda found: [*found[:3], found[3][:40]], "line 4 has no end: the file was cut off there"),
    "the end cut off": (only(*range(1, 10)), "ends after line 9, and that is not its last one: it was cut off"),
    "something after the end": (only(*range(1, 11), 10), "line 11 is out of order"),
    "an unknown kind": (spelt(9, b'"skip"', b'"seal"'), "line 9 is damaged"),
    "an unknown field": (spelt(2, b'"name"', b'"names"'), "line 2 is damaged"),
    "a hash that is none": (spelt(2, b'"hash":"', b'"hash":"xy'), "line 2 is damaged"),
    "a bookmark twice": (only(1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10), "line 8 is a second bookmark of subscriber 'index'"),
    "a time that no store can keep": (spelt(9, b'"skipped_at":', b'"skipped_at":9000000'), "line 9 is damaged"),
    "a position before all": (spelt(7, b'"position":', b'"position":-'), "line 7 is damaged"),
    "brackets without end": (spelt(2, b'"data":', b'"data":' + b"[" * 100_000), "line 2 is damaged"),
    "a byte that is no text": (spelt(2, b"product:8", b"product:\xff"), "line 2 is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_is_refused_and_the_line_named(damage: str) -> None:
    spoilt, told_as = DAMAGES[damage]
    target = empty()

    with pytest.raises(CorruptionError, match=told_as):
        await import_(spoilt(lines(GOLDEN.read_bytes())), target, told)

    copied = await target.log.copied()
    assert copied is None or not copied.finished


@pytest.mark.parametrize("kept", range(10))
async def test_a_file_that_was_cut_off_can_be_imported_again_when_it_is_whole(kept: int) -> None:
    whole, target = lines(GOLDEN.read_bytes()), empty()
    with pytest.raises(CorruptionError):
        await import_(whole[:kept], target, told)

    done = await import_(whole, target, told)

    assert done.digest == await digest_of(await golden_house(), "", told)
    assert await target.log.copied() is not None


async def test_an_import_goes_on_where_it_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.moving.importing.PAGE", 1)
    whole, target = lines(GOLDEN.read_bytes()), empty()
    with pytest.raises(CorruptionError):
        await import_(whole[:3], target, told)

    done = await import_(whole, target, told)

    assert (done.through, done.new_events) == (3, 1)


async def test_another_file_of_the_same_log_does_not_end_an_import() -> None:
    whole, target = lines(GOLDEN.read_bytes()), empty()
    with pytest.raises(CorruptionError):
        await import_(whole[:3], target, told)
    other = await golden_house()
    other.log._events[0] = replace(other.log._events[0], recorded_at=BEGAN)  # type: ignore[attr-defined]  # the memory store's

    with pytest.raises(CopyError, match="another file was imported before"):
        await import_(lines(await exported(other)), target, told)


async def test_a_later_export_brings_what_is_new(url: Url, tmp_path: Path) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 10)
        await export_log(url("old"), str(tmp_path / "first.gz"), told)
        await sell(app, 10, first=10)
        await export_log(url("old"), str(tmp_path / "second.gz"), told)
    await import_log(str(tmp_path / "first.gz"), url("new"), told)

    done = await import_log(str(tmp_path / "second.gz"), url("new"), told)

    assert (done.through, done.new_events) == (16, 8)
    assert (await copy_log(url("old"), url("new"), told)).new_events == 0  # it is a copy of that log
    with pytest.raises(CopyError, match="reaches to position 16, and its source only to 8"):
        await import_log(str(tmp_path / "first.gz"), url("new"), told)


async def test_a_file_of_a_newer_format_is_refused() -> None:
    found = lines(GOLDEN.read_bytes())

    with pytest.raises(CopyError, match="format version 2, written by a newer Diptych; this one knows 1"):
        await import_([found[0].replace(b'"version":1', b'"version":2'), *found[1:]], empty(), told)


async def test_a_packed_file_that_was_cut_off_is_told(url: Url, tmp_path: Path) -> None:
    packed = gzip.compress(GOLDEN.read_bytes())
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "none.gz").write_bytes(b"no gzip at all")

    for name in ("cut.gz", "none.gz"):
        with pytest.raises(CorruptionError, match=f"{name} is damaged or was cut off"):
            await import_log(str(tmp_path / name), url("new"), told)


async def test_an_export_writes_over_nothing_and_leaves_nothing_half_done(url: Url, tmp_path: Path) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 3)
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(SettingsError, match="is there already"):
        await export_log(url("old"), str(tmp_path / "there"), told)
    with pytest.raises(SettingsError, match="cannot be written"):
        await export_log(url("old"), str(tmp_path / "no" / "folder"), told)
    with pytest.raises(SettingsError, match="cannot be read"):
        await import_log(str(tmp_path / "missing"), url("new"), told)

    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await export_log(url("old"), str(tmp_path / "half.gz"), stop)

    assert (tmp_path / "there").read_bytes() == b"mine"
    assert not [*tmp_path.glob("half*")]  # noqa: ASYNC240 (a test may look)


async def test_two_exports_into_one_file_are_not_mixed(url: Url, tmp_path: Path) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 3)
    name = str(tmp_path / "shop.gz")

    with written_to(name) as first:
        first.write(b"one")
        with pytest.raises(SettingsError, match=r"shop.gz.part is being written by another export"):
            await export_log(url("old"), name, told)
        first.write(b", whole")
    with pytest.raises(SettingsError, match="is there already"):
        await export_log(url("old"), name, told)

    assert gzip.decompress((tmp_path / "shop.gz").read_bytes()) == b"one, whole"


async def test_what_a_killed_export_left_is_written_over(url: Url, tmp_path: Path) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 3)
    (tmp_path / "shop.part").write_bytes(b"half a line" * 9999)

    await export_log(url("old"), str(tmp_path / "shop"), told)

    assert (tmp_path / "shop").read_bytes().startswith(b'{"kind":"diptych-log"')
    assert (await import_log(str(tmp_path / "shop"), url("new"), told)).new_events == 2
    assert not (tmp_path / "shop.part").exists()


async def test_standard_streams_that_fail_are_told(url: Url, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 3)

    with open("/dev/full", "wb", buffering=0) as full:  # noqa: ASYNC230, PTH123 (a test may block)
        monkeypatch.setattr(sys, "stdout", TextIOWrapper(BufferedWriter(full)))
        with pytest.raises(StorageFullError, match="standard output cannot be written"):
            await export_log(url("old"), "-", told)
        monkeypatch.setattr(sys, "stdout", None)
        monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SettingsError, match="standard output is closed"):
        await export_log(url("old"), "-", told)
    with pytest.raises(SettingsError, match="standard input is closed"):
        await import_log("-", url("new"), told)
    with pytest.raises(SettingsError, match="cannot be written: File name too long"):
        await export_log(url("old"), str(tmp_path / ("x" * 300)), told)


@pytest.mark.parametrize("data", [b"{no json", b' {"a":1}', b'{"a":\n1}', b""])
async def test_what_is_no_canonical_json_is_not_exported(data: bytes) -> None:
    source = empty()
    metadata = b'{"actor":"ann"}'
    new = NewEvent("odd", 1, (), data, content_hash("odd", 1, (), data, metadata))
    await source.log.append(appending(new))

    with pytest.raises(CorruptionError, match="the event at position 1 does not hold"):
        await exported(source)


async def test_standard_input_and_output_are_files_too(url: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    async with application(url("old"), Ledger()) as app:
        await sell(app, 3)
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written))
    digest = await export_log(url("old"), "-", told)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(written.getvalue())))

    assert (await import_log("-", url("new"), told)).digest == digest
