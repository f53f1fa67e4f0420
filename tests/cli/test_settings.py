"""Where settings come from, and which comes first."""

from pathlib import Path

import pytest

from diptych.errors import SettingsError
from diptych.settings import Settings


def project(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_an_argument_comes_before_the_environment_and_that_before_the_project(tmp_path: Path) -> None:
    project(tmp_path, '[tool.diptych]\napp = "a:project"\nevents = "memory://"\nport = 1\n')

    found = Settings.load(
        arguments={"app": "a:argument", "events": None},
        environment={"DIPTYCH_APP": "a:environment", "DIPTYCH_EVENTS": "sqlite:///e.db", "DIPTYCH_READS": ""},
        folder=tmp_path,
    )

    assert (found.app, found.events, found.port) == ("a:argument", "sqlite:///e.db", 1)
    assert (found.reads, found.host, found.mode) == (None, None, None)


def test_the_nearest_project_above_counts(tmp_path: Path) -> None:
    project(tmp_path, '[tool.diptych]\napp = "far:app"\n')
    near = project(tmp_path / "near", '[tool.diptych]\napp = "near:app"\n')
    (near / "deep" / "deeper").mkdir(parents=True)

    found = Settings.load(arguments={}, environment={}, folder=near / "deep" / "deeper")

    assert (found.app, found.folder) == ("near:app", near)


def test_a_relative_file_in_the_project_counts_from_the_project(tmp_path: Path) -> None:
    project(tmp_path, '[tool.diptych]\nevents = "sqlite:///shop.db"\nreads = "sqlite:////var/reads.db"\n')
    (tmp_path / "deep").mkdir()

    found = Settings.load(arguments={}, environment={}, folder=tmp_path / "deep")

    assert found.events == f"sqlite:///{tmp_path}/shop.db"
    assert found.reads == "sqlite:////var/reads.db"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[tool.diptych]\nap = "x:y"\n', r"no setting 'ap'; known: app, "),
        ("[tool]\ndiptych = 1\n", r"tool\.diptych is a int"),
        ('[tool.diptych]\nport = "many"\n', r"\[tool\.diptych\] port is 'many'; wanted a port"),
        ('[tool.diptych]\napp = "shop"\n', r"app is 'shop'; wanted module:attribute"),
        ('[tool.diptych]\nevents = "shop.db"\n', r"events is 'shop\.db'; wanted a URL"),
        ('[tool.diptych]\nevents = "mysql://shop:secret@db/shop"\n', r"events is 'mysql://\.\.\.'; wanted a URL"),
        ('[tool.diptych]\nmode = "fast"\n', r"mode is 'fast'; wanted production or dev"),
        ("[tool.diptych]\nhost = 1\n", r"host is 1; wanted a text"),
        ("[tool.diptych\n", r"pyproject\.toml cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    project(tmp_path, text)

    with pytest.raises(SettingsError, match=told):
        Settings.load(arguments={}, environment={}, folder=tmp_path)


def test_a_wrong_environment_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="DIPTYCH_PORT is '99999'"):
        Settings.load(arguments={}, environment={"DIPTYCH_PORT": "99999"}, folder=None)
