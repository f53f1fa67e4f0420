"""Every example of README, docs/ and the docstrings runs; and one that is wrong is caught."""

import sys
import types
from pathlib import Path

import pytest

from tests.documentation import ROOT, ExampleError, modules_with_docstring_examples, pages, run_docstrings, run_page

POSTGRES = "SHOP_POSTGRES"
"""A page that reads this from its environment finds the URL of an empty database there."""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


@pytest.mark.parametrize("path", pages(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)  # files that an example makes
    if POSTGRES in path.read_text(encoding="utf-8"):
        monkeypatch.setenv(POSTGRES, request.getfixturevalue("newest_postgres").url)

    run_page(path)


@pytest.mark.parametrize("name", modules_with_docstring_examples(ROOT) or ["tests.documentation"])
def test_the_docstring_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    run_docstrings(name)


def test_blocks_share_names_and_may_await(page: Path) -> None:
    page.write_text(
        "```python\nimport asyncio\n\nasync def two():\n    await asyncio.sleep(0)\n    return 2\n```\ntext\n"
        '```python title="again"\nassert await two() == 2\nasync with asyncio.timeout(1):\n'
        "    found = await two()\n```\n"
        "- item\n\n  ```python\n  if found:\n\n      assert found == 2\n  ```\n"
        "```python\n>>> found + 1\n3\n>>> later = found\n```\n```python\nassert later == 2\n```\n"
    )

    assert run_page(page) == 5


def test_a_wrong_block_is_told_with_its_line(page: Path) -> None:
    page.write_text("# Title\n\n```python\nfine = 1\nassert fine == 2, 'not so fine'\n```\n")

    with pytest.raises(ExampleError, match=r"page\.md:5: AssertionError: not so fine"):
        run_page(page)


@pytest.mark.parametrize(
    ("code", "line"),
    [("x = = 1\n", 2), ("def f():\n    return 1 / 0\n\nf()\n", 3), (">>> 1 + 1\n3\n", 2), ("await nothing()\n", 2)],
)
def test_every_kind_of_wrong_block_is_caught(page: Path, code: str, line: int) -> None:
    page.write_text(f"```python\n{code}```\n")

    with pytest.raises(ExampleError, match=rf'page\.md(:|", line ){line}'):
        run_page(page)


def test_a_block_with_a_reason_to_skip_is_skipped(page: Path) -> None:
    wrong = "```python\nassert False\n```\n"
    page.write_text(f"<!-- skip: needs a server -->\n{wrong}\n<!-- skip: needs\na server -->\n\n{wrong}")

    assert run_page(page) == 0


@pytest.mark.parametrize("comment", ["<!-- skip -->", "<!-- skip: -->", "<!-- skip: reason -->\n\ntext"])
def test_a_block_without_a_reason_right_above_is_not_skipped(page: Path, comment: str) -> None:
    page.write_text(f"{comment}\n```python\nassert False\n```\n")

    with pytest.raises(ExampleError):
        run_page(page)


def test_a_block_of_another_language_is_not_run(page: Path) -> None:
    page.write_text("```console\n$ make demo\n```\n```pythonic\nno\n```\n```\nno\n```\n")

    assert run_page(page) == 0


def test_source_and_hints_of_what_a_block_defines_are_found(page: Path) -> None:
    page.write_text(
        "text\n```python\nimport inspect, typing\n\nclass Later: ...\n\ndef fold(row: 'Later') -> None:\n    pass\n\n"
        "assert typing.get_type_hints(fold)['row'] is Later\n"
        "assert inspect.getsource(fold).startswith('def fold')\n```\n"
    )

    assert run_page(page) == 1
    assert "page_page" not in sys.modules


def test_a_wrong_docstring_example_is_caught() -> None:
    module = types.ModuleType("planted", "A module.\n\n>>> 1 + 1\n2\n")
    assert run_docstrings(module) == 1
    module.__doc__ = "A module.\n\n>>> 1 + 1\n3\n"

    with pytest.raises(ExampleError, match=r"Expected:\n    3\nGot:\n    2"):
        run_docstrings(module)
