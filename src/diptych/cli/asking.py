"""`diptych ask`: a query from the command line."""

from __future__ import annotations

from typing import Any

import click

from diptych.application import Application
from diptych.cli.messages import body, find, split
from diptych.cli.moments import MOMENT
from diptych.cli.patience import once_built
from diptych.cli.printing import pretty
from diptych.cli.sending import WORDS, os_user
from diptych.cli.target import Runs, Target, about_an_application, refuse_absent, run
from diptych.cli.worded import Worded
from diptych.codec import decode_message, encode_answer
from diptych.model.messages import Query


@click.command(cls=Worded, context_settings=WORDS, options_metavar="[OPTIONS]")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[APP] NAME [--FIELD VALUE]...")
@about_an_application
@click.option("--json", "json", is_flag=False, flag_value="", metavar="['{...}']", help="The query, and the answer.")
@click.option(
    "--after", type=int, metavar="POSITION", help="Hold everything up to there; the end of the log if absent."
)
@click.option(
    "--wait", type=float, default=10.0, show_default=True, metavar="SECONDS", help="Wait for it at most so long."
)
@click.option("--as-of", "as_of", type=MOMENT, help="Tell what was so at this position or time.")
@click.option("--user", help="On whose behalf; the user of this computer by default.")
def ask(words: tuple[str, ...], json: str | None, user: str | None, **options: Any) -> None:
    """Ask a query: its fields as options, or as JSON ('-' reads it from stdin); print the answer as JSON.

    The answer holds everything that is in the log now; --after 0 takes the read models as they are. Where no other
    process folds them, this one does so first.
    """
    given = split(words, json)
    target = Target.of(options, app=given.app)
    folding: Runs = "follow" if options["after"] == 0 else "run"
    application = target.application(projections=folding, subscribers="off")
    cls = find(given.name, application.queries, "query", application.commands)
    query = decode_message(cls, body(cls, given))
    refuse_absent(application)

    async def work(app: Application) -> bytes:
        after = await app.head() if options["after"] is None else options["after"]
        given = {"after": after, "as_of": options["as_of"], "principal": user or os_user()}
        return encode_answer(await _answer(app, query, wait=options["wait"], **given))

    answer = run(application, work)
    click.echo(answer.decode()) if json is not None else pretty(answer)


async def _answer(app: Application, query: Query[Any], *, wait: float, **given: Any) -> Any:
    return await once_built(lambda left: app.ask(query, wait=left, **given), wait=wait)
