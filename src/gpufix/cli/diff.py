"""`gpufix diff`: what differs between two snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.fleet.inputs import Reading


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A snapshot, or a node's answer.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    format: options.TextOrJsonFormat = TextOrJson.text,
    output: options.Output = None,
) -> None:
    """Say what differs between two snapshots: A's value, then B's."""
    from gpufix.cli.examine import fail
    from gpufix.cli.output import write, write_lines
    from gpufix.fleet.difference import Incomparable, differences
    from gpufix.report.fleet import json, two

    try:
        found = differences(one(before), one(after))
    except Incomparable as error:
        raise fail(str(error)) from None
    if format is TextOrJson.json:
        write(json.two(found), output)
    else:
        write_lines(two.lines(found), output)
    raise typer.Exit(1 if found.rows else 0)


def one(file: str) -> Reading:
    """The one answer that a file holds; a file that holds none, or several, is a usage error."""
    from gpufix.cli.examine import fail
    from gpufix.fleet.inputs import CannotRead, read_all

    try:
        found = list(read_all([file]))
    except CannotRead as error:
        raise fail(str(error)) from None
    if len(found) != 1:
        raise fail(f"{file}: expected one snapshot, found {len(found)}")
    return found[0]
