"""The house stands: each law holds for src/diptych, and each check catches a planted breach."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import architecture

SRC = architecture.source_root()

Plant = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def told(offences: list[str]) -> str:
    return "\n  ".join([f"{len(offences)} found:", *offences])


def test_imports_go_downwards_only() -> None:
    offences = architecture.floor_violations(SRC)

    assert not offences, told(offences)


def test_no_import_is_part_of_a_circle() -> None:
    offences = architecture.circles(SRC)

    assert not offences, told(offences)


def test_the_model_is_pure() -> None:
    offences = architecture.impurities(SRC)

    assert not offences, told(offences)


def test_files_and_functions_are_short() -> None:
    offences = architecture.oversized(SRC)

    assert not offences, told(offences)


def test_ports_are_narrow() -> None:
    offences = architecture.wide_ports(SRC)

    assert not offences, told(offences)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model/tags.py", "from diptych.codec import encode"),
        ("model/tags.py", "from diptych import codec"),
        ("model/tags.py", "from .. import codec"),
        ("model/tags.py", "from ..codec import encode"),
        ("model/tags.py", "import diptych.codec"),
        ("model/tags.py", "def lazy():\n    from diptych.codec import encode"),
        ("model/tags.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from diptych.codec import encode"),
        ("model/tags.py", "import importlib\nimportlib.import_module('diptych.codec')"),
        ("model/deep/tags.py", "from ...codec import encode"),
        ("codec.py", "from diptych.ports import Clock"),
        ("write/execute.py", "from diptych.read import rows"),
        ("read/rows.py", "from diptych.write import execute"),
        ("web/app.py", "from diptych.testing import plugin"),
        ("write/execute.py", "from diptych import Module"),
        ("write/execute.py", "import diptych"),
        ("write/execute.py", "from diptych.unheard import of"),
    ],
)
def test_an_import_that_goes_up_or_sideways_is_caught(plant: Plant, file: str, text: str) -> None:
    root = plant({"__init__.py": "", "codec.py": "", "write/__init__.py": "", "read/__init__.py": "", file: text})

    offences = architecture.floor_violations(root)

    assert len(offences) == 1
    assert f"diptych/{file}:{len(text.splitlines())} " in offences[0]


@pytest.mark.parametrize("wing", ["write", "react", "history", "web", "testing", "cli", "__init__"])
def test_only_the_application_imports_stores(plant: Plant, wing: str) -> None:
    root = plant({"stores/sqlite.py": "", "application.py": "from diptych.stores import sqlite"})
    assert architecture.floor_violations(root) == []

    plant({f"{wing}.py": "from diptych.stores.sqlite import SqliteEventStore"})

    assert len(architecture.floor_violations(root)) == 1


def test_a_wing_without_a_floor_is_caught(plant: Plant) -> None:
    root = plant({"helpers.py": "", "annex/__init__.py": ""})

    offences = architecture.floor_violations(root)

    assert [offence.split(" has")[0] for offence in offences] == [
        "diptych/annex/__init__.py:1 'annex'",
        "diptych/helpers.py:1 'helpers'",
    ]


def test_what_the_floors_allow_is_not_an_offence(plant: Plant) -> None:
    root = plant(
        {
            "__init__.py": "from diptych.application import Application\nfrom diptych.model import event",
            "model/__init__.py": "from diptych.model.tags import Tag",
            "model/tags.py": "from diptych.errors import WiringError\nimport dataclasses",
            "read/rows.py": "from diptych.ports import ReadStore\nfrom .pages import Page",
            "read/pages.py": "import sqlite3",
        }
    )

    assert architecture.floor_violations(root) == []
    assert architecture.circles(root) == []
    assert architecture.impurities(root) == []


def test_a_circle_within_one_wing_is_caught(plant: Plant) -> None:
    root = plant(
        {
            "read/rows.py": "from diptych.read.pages import Page",
            "read/pages.py": "def lazy():\n    from diptych.read import feed",
            "read/feed.py": "from .rows import Rows",
        }
    )

    assert architecture.circles(root) == [
        "diptych.read.feed -> diptych.read.rows -> diptych.read.pages -> diptych.read.feed"
    ]


def test_a_module_that_imports_from_its_own_package_is_a_circle(plant: Plant) -> None:
    root = plant(
        {
            "model/__init__.py": "from diptych.model.tags import Tag",
            "model/tags.py": "from diptych.model import Tag",
        }
    )

    assert architecture.circles(root) == ["diptych.model -> diptych.model.tags -> diptych.model"]


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio",
        "import os.path",
        "from time import monotonic",
        "from random import random",
        "import sqlite3 as database",
        "def later():\n    import threading",
        "from uuid import uuid4",
        "import uuid\nfresh = uuid.uuid4",
        "import uuid as u\nfresh = u.uuid4()",
        "from datetime import datetime\nnow = datetime.now()",
        "import datetime as dt\nnow = dt.datetime.now(dt.UTC)",
        "from datetime import date as day\ntoday = day.today()",
        "text = open('file')",
        "async def decide(): ...",
    ],
)
def test_an_impurity_in_the_model_is_caught(plant: Plant, text: str) -> None:
    root = plant({"model/folds.py": text})

    offences = architecture.impurities(root)

    assert len(offences) == 1
    assert offences[0].startswith(f"diptych/model/folds.py:{len(text.splitlines())} ")


def test_time_and_ids_that_come_in_as_arguments_are_pure(plant: Plant) -> None:
    text = "from uuid import UUID, uuid5\nfrom datetime import datetime\ndef decide(context):\n    return context.now"
    root = plant({"model/folds.py": text, "read/clock.py": "import time"})

    assert architecture.impurities(root) == []


def test_a_file_of_301_lines_is_caught(plant: Plant) -> None:
    root = plant({"read/rows.py": "x = 1\n" * 300, "read/pages.py": "x = 1\n" * 301})

    assert architecture.oversized(root) == ["diptych/read/pages.py:1 has 301 lines, at most 300"]


def test_a_function_of_26_lines_is_caught_and_its_docstring_is_not_counted(plant: Plant) -> None:
    docstring = '    """First.\n\n    Last.\n    """\n'
    root = plant(
        {
            "read/rows.py": "class Rows:\n  async def find(self):\n" + "    x = 1\n" * 25,
            "read/pages.py": "def page():\n" + docstring + "    x = 1\n" * 24,
        }
    )

    assert architecture.oversized(root) == ["diptych/read/rows.py:2 find has 26 lines, at most 25"]


def test_a_port_of_seven_methods_is_caught(plant: Plant) -> None:
    methods = [f"    def m{n}(self): ...\n" for n in range(7)]
    root = plant({"ports.py": "class Six:\n" + "".join(methods[:6]) + "class Seven:\n" + "".join(methods)})

    assert architecture.wide_ports(root) == ["diptych/ports.py:8 Seven has 7 methods"]
