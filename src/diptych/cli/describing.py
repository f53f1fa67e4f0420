"""`diptych describe`: draw an application from its wiring; nothing is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click
import msgspec

from diptych.cli.target import Target
from diptych.describing.describe import describe as described
from diptych.describing.description import Description
from diptych.describing.drawing import as_svg
from diptych.describing.tested import with_tests
from diptych.describing.texts import as_mermaid, as_text


def _as_json(description: Description) -> str:
    return msgspec.json.format(msgspec.json.encode(description.as_json())).decode() + "\n"


_FORMATS: Mapping[str, Callable[[Description], str]] = {
    "text": as_text,
    "json": _as_json,
    "mermaid": as_mermaid,
    "svg": as_svg,
}


@click.command()
@click.argument("app", required=False)
@click.option("--app", "-a", "named", metavar="MODULE:ATTRIBUTE", help="The application, in place of the argument.")
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="text", show_default=True, help="As what.")
@click.option(
    "--tests",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="List the messages that no test in this folder names.",
)
def describe(app: str | None, named: str | None, form: str, tests: Path | None) -> None:
    """Draw an application from commands over events and read models to queries.

    APP is module:attribute. Lists events that nobody uses, read models that nobody reads and, with --tests, messages
    that no test names.
    """
    found = described(Target(app or named).application())
    click.echo(_FORMATS[form](found if tests is None else with_tests(found, tests)), nl=False)
