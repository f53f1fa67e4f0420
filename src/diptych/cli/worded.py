"""A command whose fields are options: a value that begins with a minus belongs to the field before it."""

from __future__ import annotations

from collections.abc import Sequence

import click


class Worded(click.Command):
    """Read `--order -price` as `--order=-price`, where click would find the short options of `-price`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, each value bound to its field."""
        options = {option for param in self.params for option in (*param.opts, *param.secondary_opts)}
        return super().parse_args(ctx, _bound(args, options | set(ctx.help_option_names)))


def _bound(args: Sequence[str], options: set[str]) -> list[str]:
    found: list[str] = []
    for arg in args:
        before = found[-1] if found else ""
        is_field = before.startswith("--") and "=" not in before and before not in {*options, "--"}
        if is_field and arg.startswith("-") and not arg.startswith("--") and arg not in options:
            found[-1] = f"{before}={arg}"
        else:
            found.append(arg)
    return found
