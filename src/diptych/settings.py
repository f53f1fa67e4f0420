"""Settings: arguments, then `DIPTYCH_*` in the environment, then `[tool.diptych]` of the nearest pyproject.toml.

What nobody sets is None: the application then keeps what it was made with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from diptych.errors import SettingsError

Mode = Literal["production", "dev"]
Only = Literal["commands", "queries"]

SCHEMES = ("memory://", "sqlite:///", "postgresql://", "postgres://")
_PREFIX = "DIPTYCH_"
_TABLE = "[tool.diptych]"
_RELATIVE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold every setting as found; `folder` is that of the pyproject.toml that was read.

    >>> Settings.load(arguments={"port": "8001"}, environment={"DIPTYCH_PORT": "9000"}, folder=None).port
    8001
    """

    app: str | None = None
    events: str | None = None
    reads: str | None = None
    host: str | None = None
    port: int | None = None
    mode: Mode | None = None
    only: Only | None = None
    folder: Path | None = None

    @classmethod
    def load(
        cls, *, arguments: Mapping[str, Any], environment: Mapping[str, str], folder: Path | None
    ) -> Settings:  # Any: arguments come as text from a shell, as values from Python
        """Return the settings seen from a folder; raise SettingsError for one that cannot be used.

        A relative `sqlite:///` path in pyproject.toml counts from the folder of that file, everywhere else from the
        current one. An argument that is None was not given.
        """
        table, found = _table(folder)
        values: dict[str, Any] = {"folder": found}
        for name, read in _READERS.items():
            for source, given in (
                (f"argument {name!r}", arguments.get(name)),
                (f"{_PREFIX}{name.upper()}", environment.get(_PREFIX + name.upper())),
                (f"{_TABLE} {name}", table.get(name)),
            ):
                if given is not None and given != "":
                    values[name] = read(source, given)
                    break
        return cls(**values)


def _table(folder: Path | None) -> tuple[Mapping[str, Any], Path | None]:
    for parent in () if folder is None else (folder, *folder.parents):
        path = parent / "pyproject.toml"
        if path.is_file():
            return _anchored(_read(path), parent), parent
    return {}, None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise SettingsError(f"{path} cannot be read: {wrong}") from wrong
    table = document.get("tool", {}).get("diptych", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: tool.diptych is a {type(table).__name__}; write a table {_TABLE}")
    unknown = sorted(table.keys() - _READERS.keys())
    if unknown:
        raise SettingsError(f"{path}: {_TABLE} has no setting {unknown[0]!r}; known: {', '.join(_READERS)}")
    return table


def _anchored(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    def anchor(value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_RELATIVE) and not value.startswith(f"{_RELATIVE}/"):
            return f"{_RELATIVE}{folder / value.removeprefix(_RELATIVE)}"
        return value

    return {name: anchor(value) for name, value in table.items()}


def _text(source: str, given: Any) -> str:
    if not isinstance(given, str):
        raise SettingsError(f"{source} is {given!r}; wanted a text")
    return given


def _url(source: str, given: Any) -> str:
    url = _text(source, given)
    if not url.startswith(SCHEMES):
        found = url if "@" not in url else f"{url.partition(':')[0]}://..."  # there may be a password in it
        raise SettingsError(
            f"{source} is {found!r}; wanted a URL: memory://, sqlite:///path or postgresql://user@host/db"
        )
    return url


def _app(source: str, given: Any) -> str:
    target = _text(source, given)
    module, colon, attribute = target.partition(":")
    if not (module and colon and attribute):
        raise SettingsError(f"{source} is {target!r}; wanted module:attribute, such as shop:app")
    return target


def _port(source: str, given: Any) -> int:
    try:
        port = int(given)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port < 1 << 16:
        raise SettingsError(f"{source} is {given!r}; wanted a port from 0 to 65535")
    return port


def _one_of(words: tuple[str, ...]) -> Callable[[str, Any], str]:
    def read(source: str, given: Any) -> str:
        if given not in words:
            raise SettingsError(f"{source} is {given!r}; wanted {' or '.join(words)}")
        return str(given)

    return read


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "app": _app,
    "events": _url,
    "reads": _url,
    "host": _text,
    "port": _port,
    "mode": _one_of(get_args(Mode)),
    "only": _one_of(get_args(Only)),
}
