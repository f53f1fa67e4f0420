"""The text index holds the words of exactly the rows that are there, and finds them best first."""

import sqlite3
import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from diptych.model.marks import FullText
from diptych.stores.postgres.rows import PostgresRowStore
from diptych.stores.sqlite.text_search import needles_of
from diptych.stores.text_pages import RANKED
from tests.row_stores import EVERY, POSTGRES, row_store
from tests.sizes import size
from tests.stores.searching import Catalogue, Item, catalogue


@pytest.fixture(params=EVERY)
async def items(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Catalogue]:
    async with catalogue(row_store(request, request.param, tmp_path)) as opened:
        yield opened


async def test_every_word_must_be_there_in_whatever_column_and_order(items: Catalogue) -> None:
    await items.put(
        Item(code="1", name="red lamp"),
        Item(code="2", name="lamp", about="it is red"),
        Item(code="3", name="red chair"),
        Item(code="4", name="green lamp"),
    )

    assert sorted(await items.found("lamp red")) == ["1", "2"]


async def test_the_last_word_is_found_by_its_beginning_and_no_other(items: Catalogue) -> None:
    await items.put(Item(code="1", name="red lampshade"), Item(code="2", name="reddish lamp"))

    assert await items.found("red lam") == ["1"]
    assert await items.found("lam red") == []
    assert sorted(await items.found("re")) == ["1", "2"]


async def test_rows_that_hold_the_last_word_whole_come_first(items: Catalogue) -> None:
    await items.put(Item(code="1", name="carbon carpet"), Item(code="2", name="a car of many more words than that"))

    assert await items.found("car") == ["2", "1"]


async def test_a_word_counts_by_the_weight_of_its_column(items: Catalogue) -> None:
    await items.put(
        Item(code="1", name="chair", about="lamp"),
        Item(code="2", name="lamp", about="chair"),
        Item(code="3", name="other", about="thing"),
    )

    assert await items.found("lamp") == ["2", "1"]
    assert await items.found("chair") == ["1", "2"]


async def test_other_weights_hold_from_the_next_start_without_a_rebuild(items: Catalogue) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Other(Item):
        name: Annotated[str, FullText(weight=0.5)]
        about: Annotated[str | None, FullText(weight=20)] = None

    await items.put(Item(code="1", name="chair", about="lamp"), Item(code="2", name="lamp", about="chair"))
    generation = items.checkpoint.generation

    await items.install(version=1, row=Other)

    assert items.checkpoint.generation == generation
    assert await items.found("lamp") == ["1", "2"]


async def test_a_rare_word_counts_more_than_a_common_one(items: Catalogue) -> None:
    await items.put(*(Item(code=f"x{at}", name="red thing") for at in range(20)))
    await items.put(Item(code="1", name="red red lamp"), Item(code="2", name="red lamp lamp"))

    assert await items.found("red lamp") == ["2", "1"]


async def test_a_short_text_comes_before_a_long_one(items: Catalogue) -> None:
    await items.put(Item(code="1", name="a lamp for the table and the wall"), Item(code="2", name="a lamp"))

    assert await items.found("lamp") == ["2", "1"]


async def test_words_of_two_columns_do_not_stand_beside_each_other(items: Catalogue) -> None:
    await items.put(Item(code="1", name="half", about="price"), Item(code="2", name="x", about="half price"))

    assert await items.found("half-price") == ["2"]


async def test_equally_good_rows_come_by_key_page_by_page(items: Catalogue) -> None:
    await items.put(*(Item(code=f"{at:02}", name="lamp") for at in reversed(range(25))))

    pages = [await items.rows.search("lamp", limit=10, offset=offset) for offset in (0, 10, 20, 30)]

    assert [item.code for page in pages for item in page] == [f"{at:02}" for at in range(25)]
    assert [(len(page), page.total) for page in pages] == [(10, 25), (10, 25), (5, 25), (0, 25)]


async def test_conditions_narrow_what_is_found_and_counted(items: Catalogue) -> None:
    await items.put(
        Item(code="1", name="lamp", stock=1),
        Item(code="2", name="lamp", stock=2, department="home"),
        Item(code="3", name="lamp", department="home"),
        Item(code="4", name="chair", stock=2, department="home"),
    )

    assert await items.found("lamp", department="home") == ["2", "3"]
    assert await items.found("lamp", items.rows.table.c.stock > 0, department="home") == ["2"]
    assert await items.found("lamp", items.rows.table.c.stock > 9) == []


async def test_matching_is_a_condition_among_others(items: Catalogue) -> None:
    await items.put(*(Item(code=f"{at}", name="red lamp" if at % 2 else "lamp", stock=at) for at in range(8)))
    rows = items.rows

    page = await rows.find(rows.matching("red"), order=("-stock",), limit=2)

    assert ([item.code for item in page], page.total) == (["7", "5"], 4)
    assert await rows.count(rows.matching("lam"), rows.table.c.stock < 3) == 3
    assert await rows.count(~rows.matching("red")) == 4
    statement = sa.select(sa.func.sum(rows.table.c.stock)).where(rows.matching("red"))
    assert (await rows.select(statement))[0][0] == 16


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Café", "cafe"),
        ("Cafe\u0301", "café"),
        ("CRÈME BRÛLÉE", "creme brul"),
        ("Смётана", "СМЁ"),
        ("Αθήνα", "ΑΘΉ"),
        ("हिन्दी किताब", "हिन्दी"),
        ("東京タワー", "東京"),
        ("한국어", "한국"),
        ("½ pint", "½"),
        ("A-12/3", "a-12/"),
        ("O'Brien", "o'brien"),
    ],
)
async def test_case_and_diacritics_and_scripts_are_no_matter(items: Catalogue, text: str, asked: str) -> None:
    await items.put(Item(code="1", name=text), Item(code="2", name="something else"))

    assert await items.found(asked) == ["1"]


async def test_what_the_index_does_not_know_is_stated(items: Catalogue) -> None:
    await items.put(Item(code="1", name="東京タワー"), Item(code="2", name="Αθήνα"), Item(code="3", name="йод"))

    assert await items.found("タワー") == []  # no blanks: one word
    assert await items.found("αθηνα") == []  # accents of Latin letters only
    assert await items.found("иод") == []


@pytest.mark.parametrize("asked", ["", "  ", "-", '"', "***", "\0", "\ud800", "(", "^ : {}", "''"])
async def test_a_text_without_words_finds_nothing(items: Catalogue, asked: str) -> None:
    await items.put(Item(code="1", name="lamp", about='" * - ('))

    page = await items.rows.search(asked)

    assert (page.items, page.total) == ((), 0)
    assert await items.rows.count(items.rows.matching(asked)) == 0


@pytest.mark.parametrize(
    "asked",
    ['red "lamp', "red* lamp*", "red\0lamp", "red -lamp", "^red lamp", "red + lamp", "(red) lamp)", "red \udfff lamp",
     "red - lamp -", "{red} :lamp"],
)  # fmt: skip
async def test_no_sign_has_a_meaning(items: Catalogue, asked: str) -> None:
    await items.put(Item(code="1", name="red lamp"), Item(code="2", name="red"), Item(code="3", name="lamp"))

    assert await items.found(asked) == ["1"]


@pytest.mark.parametrize("operator", ["AND", "OR", "NOT", "NEAR", "name:lamp", "NEAR(red lamp, 2)"])
async def test_an_operator_is_a_word(items: Catalogue, operator: str) -> None:
    await items.put(Item(code="1", name="red lamp"), Item(code="2", name="red and or not near lamp"))

    assert "1" not in await items.found(f"red {operator} lamp")


async def test_words_joined_by_signs_stand_beside_each_other(items: Catalogue) -> None:
    await items.put(Item(code="1", name="half-price"), Item(code="2", name="price: half"), Item(code="3", name="5.5"))

    assert await items.found("half-price") == ["1"]
    assert sorted(await items.found("half price")) == ["1", "2"]
    assert await items.found("5.5") == ["3"]


async def test_a_text_of_any_length_is_answered(items: Catalogue) -> None:
    await items.put(Item(code="1", name="a"))

    assert await items.found("a " * 100_000) == ["1"]
    assert await items.found("a." * 100_000) == []
    assert await items.found(" ".join(["b"] * 3 + ["a"] * 500)) == []


async def test_rows_of_any_length_are_kept_and_found_by_their_first_words(items: Catalogue) -> None:
    many, long = " ".join(f"w{at}" for at in range(60_000)), " ".join("é" * 900 + str(at) for at in range(3_000))
    await items.put(Item(code="1", name=many, about="the end"), Item(code="2", name="x" * 100_000))
    await items.put(Item(code="3", name="a " * 70_000), Item(code="4", name=long))

    assert await items.found("w8000") == ["1"]
    assert await items.found("w7999 w8000") == ["1"]
    assert await items.found("w7999-w8000") == ["1"]
    assert await items.found("the-end") == ["1"]
    assert await items.found("x" * 100) == ["2"]
    assert await items.found("a-a") == ["3"]
    assert await items.found("e" * 50) == ["4"]
    assert await items.found("w59999") == ([] if isinstance(items.store, PostgresRowStore) else ["1"])


async def test_more_rows_than_are_ranked_are_counted(items: Catalogue) -> None:
    await items.put(*(Item(code=f"{at:05}", name=f"lamp{at}", stock=at) for at in range(RANKED + 50)))
    await items.put(Item(code="best", name="lamp"))

    page = await items.rows.search("lamp", limit=3)
    narrowed = await items.rows.search("lamp", items.rows.table.c.stock >= 10, limit=3)
    last = await items.rows.search("lamp", limit=100, offset=RANKED - 10)

    assert (page.items[0].code, page.total) == ("best", RANKED + 51)
    assert narrowed.total == RANKED + 40
    assert len(last) == 11  # the whole word, and as many beginnings as are ranked


async def test_changed_and_removed_rows_are_found_by_what_they_say_now(items: Catalogue) -> None:
    await items.put(Item(code="1", name="lamp", about="red"), Item(code="2", name="chair"))
    await items.change({("1",): Item(code="1", name="chair"), ("2",): None})

    assert await items.found("lamp") == []
    assert await items.found("red") == []
    assert await items.found("chair") == ["1"]


async def test_a_change_of_other_columns_leaves_the_index_alone(tmp_path: Path) -> None:
    async with catalogue(tmp_path / "rows.db") as items:
        await items.put(Item(code="1", name="lamp"))
        before = words_written(tmp_path / "rows.db")

        await items.put(Item(code="1", name="lamp", stock=5))
        unchanged = words_written(tmp_path / "rows.db")
        await items.put(Item(code="1", name="lamps", stock=5))

        assert unchanged == before
        assert words_written(tmp_path / "rows.db") != before


async def test_a_new_generation_drops_the_old_index(tmp_path: Path) -> None:
    async with catalogue(tmp_path / "rows.db") as items:
        await items.put(Item(code="1", name="lamp"))

        await items.install(version=2)
        await items.put(Item(code="2", name="lamp"))
        await items.finish()

        assert await items.found("lamp") == ["2"]
        assert {name.split("$")[0] for name in names(tmp_path / "rows.db") if "$text" in name} == {"item", "item__g2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    code: str
    name: str


async def test_while_a_generation_is_built_its_words_are_left_for_later(tmp_path: Path) -> None:
    async with catalogue(tmp_path / "rows.db") as items:
        await items.put(Item(code="1", name="lamp"))
        await items.install(version=2)
        await items.put(Item(code="1", name="lamp"), Item(code="2", name="chair"))
        await items.change({("2",): None})

        before = await items.found("lamp")
        await items.finish()

        assert (before, await items.found("lamp"), await items.found("chair")) == ([], ["1"], [])
        assert_whole(tmp_path / "rows.db")


@pytest.mark.parametrize("kind", POSTGRES)
async def test_a_new_generation_in_postgres_has_words_and_an_index_of_its_own(
    request: pytest.FixtureRequest, kind: str
) -> None:
    async with catalogue(row_store(request, kind)) as items:
        await items.put(Item(code="1", name="lamp"))
        await items.install(version=2)
        await items.put(Item(code="1", name="chair"), Item(code="2", name="lamp"))
        built = await indexes(items)
        await items.finish()

        assert await items.found("lamp") == ["2"]
        assert "item__g2__text" in await indexes(items) - built
        assert not [name for name in await indexes(items) if "__g1" in name]


async def indexes(items: Catalogue) -> set[str]:
    found = sa.table("pg_indexes", sa.column("indexname"), sa.column("schemaname"))
    own = sa.select(found.c.indexname).where(found.c.schemaname == sa.func.current_schema())
    return {name for (name,) in (await items.reader.select([own]))[0]}


async def test_a_rebuild_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    async with catalogue(tmp_path / "rows.db") as items:
        await items.install(version=1)
        await items.put(Item(code="1", name="lamp"))
        await items.install(version=2)
        await items.put(Item(code="1", name="red lamp"))
        await items.install(version=2)
        await items.put(Item(code="2", name="green lamp"))
        await items.finish()

        assert await items.found("lamp") == ["1", "2"]
        assert_whole(tmp_path / "rows.db")


async def test_full_text_comes_and_goes_with_a_new_version(tmp_path: Path) -> None:
    async with catalogue(tmp_path / "rows.db", row=Plain) as items:
        await items.put(Plain(code="1", name="lamp"))
        assert not any("$text" in name for name in names(tmp_path / "rows.db"))
        with pytest.raises(TypeError, match=r"rows of 'item' cannot be searched.*FullText\(\)\] in Plain"):
            await items.rows.search("lamp")

        await items.install(version=2)
        await items.put(Item(code="1", name="lamp"))
        await items.finish()
        assert await items.found("lamp") == ["1"]

        await items.install(version=3, row=Plain)
        assert not any("$text" in name for name in names(tmp_path / "rows.db"))


async def test_rows_without_full_text_keep_their_table(tmp_path: Path) -> None:
    async with catalogue(tmp_path / "rows.db", row=Plain):
        statement = definition(tmp_path / "rows.db", "item__g1")

    assert "WITHOUT ROWID" in statement
    assert "_id" not in statement


async def test_an_emptied_file_keeps_rows_and_words_together(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    async with catalogue(path) as items:
        await items.put(*(Item(code=f"{at}", name=f"lamp {at}") for at in range(50)))
        await items.change({(f"{at}",): None for at in range(0, 50, 2)})
    with sqlite3.connect(path) as connection:
        connection.execute("vacuum")

    async with catalogue(path, head=100) as items:
        assert await items.found("lamp 31") == ["31"]
        assert_whole(path)


def test_the_words_of_a_text_are_quoted() -> None:
    assert needles_of('red "la').whole == '"red" " la"'
    assert needles_of("red la").begun == '"red" "la"* NOT "la"'
    assert needles_of("- *") == ('""', '""', '""')


@pytest.mark.parametrize("where", [lambda _: (), lambda c: (c.stock > 1,), lambda c: (c.department == "home",)])
async def test_nothing_but_the_index_is_gone_through(tmp_path: Path, where: Callable[[Any], tuple[Any, ...]]) -> None:
    async with catalogue(tmp_path / "rows.db") as items:
        rows, search = items.rows, items.store.text(items.model)
        statement = search.page(where(rows.table.c)).params(**search.values("red lamp", limit=20, offset=0))
        among = sa.select(rows.table.c.name).where(rows.matching("red lamp"), *where(rows.table.c))

        steps = plan(tmp_path / "rows.db", statement) + plan(tmp_path / "rows.db", among)

        assert any("VIRTUAL TABLE INDEX 0:M" in step for step in steps)
        assert not [step for step in steps if "SCAN item" in step and "VIRTUAL TABLE INDEX 0:M" not in step]


@pytest.mark.parametrize("items", POSTGRES, indirect=True)
async def test_nothing_but_the_index_of_words_is_gone_through_in_postgres(items: Catalogue) -> None:
    await items.put(Item(code="1", name="red lamp"))
    assert isinstance(items.store, PostgresRowStore)

    with items.store.watched() as watch:
        await items.rows.search("red lamp")
        await items.rows.search("red la", department="home")
        await items.rows.count(items.rows.matching("red lamp"))

    plans = await watch.plans()
    assert [plan for plan in plans if plan.whole] == []
    assert all(any("item__g1__text" in step for step in plan.steps) for plan in plans)


def words(text: str) -> list[str]:
    """Return the words of a text, as the index should see them."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    return "".join(c if c.isalnum() else " " for c in bare).split()


def is_found(item: Item, asked: str) -> bool:
    own, wanted = {*words(item.name), *words(item.about or "")}, words(asked)
    return bool(wanted) and set(wanted[:-1]) <= own and any(word.startswith(wanted[-1]) for word in own)


LETTERS = "abAéÉçдДжωΩ7"
word = st.text(LETTERS, min_size=1, max_size=3)
signs = st.sampled_from([" ", "  ", " - ", " \0 ", ' "', "\t", " * ", "; "])
texts = st.lists(st.tuples(word, signs), max_size=5).map(lambda parts: "".join(map("".join, parts)))
stored = texts.map(lambda text: text.replace("\0", ""))
codes = st.sampled_from("1234567")
Change = tuple[str, Item | None]


def item_of(values: tuple[str, str, str | None, int]) -> Change:
    code, name, about, stock = values
    return code, Item(code=code, name=name, about=about, stock=stock)


changes: st.SearchStrategy[Change] = st.one_of(
    st.tuples(codes, stored, st.none() | stored, st.integers(0, 3)).map(item_of), st.tuples(codes, st.none())
)
batches = st.lists(st.lists(changes, min_size=1, max_size=6).map(dict), max_size=8)


Batches = list[dict[str, Item | None]]


@settings(max_examples=size(40, full=2_000), deadline=None)
@given(
    before=batches, within=batches, after=batches, rebuilt=st.booleans(), asked=st.lists(texts, min_size=1, max_size=5)
)
async def test_what_is_found_is_what_the_words_say(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    before: Batches,
    within: Batches,
    after: Batches,
    rebuilt: bool,
    asked: list[str],
) -> None:
    path = tmp_path_factory.mktemp("text") / "rows.db"
    kept: dict[str, Item] = {}
    async with catalogue(path) as items:
        for batch in before:
            await save(items, kept, batch)
        if rebuilt:
            kept.clear()
            await items.install(version=2)
        for batch in within:
            await save(items, kept, batch)
        await items.finish()
        for batch in after:
            await save(items, kept, batch)

        await compared(items, kept, asked)
        assert_whole(path)


@settings(max_examples=size(15, full=300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=batches, within=batches, after=batches, asked=st.lists(texts, min_size=1, max_size=5))
@pytest.mark.parametrize("items", POSTGRES, indirect=True)
async def test_what_is_found_in_postgres_is_what_the_words_say(
    items: Catalogue, *, before: Batches, within: Batches, after: Batches, asked: list[str]
) -> None:
    kept: dict[str, Item] = {}
    await items.install(version=items.projection.version + 1)
    for batch in before:
        await save(items, kept, batch)
    await items.finish()
    for batch in (*within, *after):
        await save(items, kept, batch)

    await compared(items, kept, asked)


async def compared(items: Catalogue, kept: dict[str, Item], asked: list[str]) -> None:
    for text in asked:
        assert sorted(await items.found(text)) == sorted(c for c, item in kept.items() if is_found(item, text))


async def save(items: Catalogue, kept: dict[str, Item], batch: dict[str, Item | None]) -> None:
    await items.change({(code,): item for code, item in batch.items()})
    for code, item in batch.items():
        if item is None:
            kept.pop(code, None)
        else:
            kept[code] = replace(item)


def test_a_lost_word_is_noticed(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        connection.execute("create table t (_id integer primary key, a)")
        connection.execute("create virtual table item__g1$text using fts5(a, content=t, content_rowid=_id)")
        connection.execute("insert into t values (1, 'lost')")

    with pytest.raises(sqlite3.DatabaseError):
        assert_whole(tmp_path / "rows.db")


def assert_whole(path: Path) -> None:
    """Have FTS5 compare every word of its index with the texts of the table."""
    with sqlite3.connect(path) as connection:
        found = [name for name in names(path) if name.startswith("item__g") and name.endswith("$text")]
        assert len(found) == 1
        check = f'insert into "{found[0]}" ("{found[0]}", rank) values (\'integrity-check\', 1)'  # noqa: S608 (our names)
        connection.execute(check)


def names(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [name for (name,) in connection.execute("select name from sqlite_schema where type <> 'index'")]


def definition(path: Path, name: str) -> str:
    with sqlite3.connect(path) as connection:
        return str(connection.execute("select sql from sqlite_schema where name = ?", (name,)).fetchone()[0])


def words_written(path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute('select * from "item__g1$text_data" order by id').fetchall()


def plan(path: Path, statement: Any) -> list[str]:
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    with sqlite3.connect(path) as connection:
        found = connection.execute(f"explain query plan {compiled}", compiled.params).fetchall()
    return [str(step[3]) for step in found]
