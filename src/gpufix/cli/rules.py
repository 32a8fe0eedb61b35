"""`gpufix rules`: the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.checks.registry import Rule


def rules(
    format: Annotated[
        TextOrJson, typer.Option("--format", metavar="FORMAT", help="text or json.")
    ] = TextOrJson.text,
) -> None:
    """List every rule: code, name and one line. `gpufix explain CODE` shows a rule's page."""

    from gpufix.plugins import all_rules
    from gpufix.text.json_output import dumps

    known, _ = all_rules()
    if format is TextOrJson.json:
        rows = [{"code": r.code, "name": r.name, "summary": _first_line(r.page)} for r in known]
        typer.echo(dumps(rows))
        return
    show(known)


def show(known: Sequence[Rule]) -> None:
    """A line for each rule, folded between words."""
    from rich.console import Console
    from rich.table import Table

    from gpufix.text.clean import clean

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for rule in known:
        table.add_row(rule.code, clean(rule.name), clean(_first_line(rule.page)))
    Console().print(table, highlight=False, markup=False)


def _first_line(page: str) -> str:
    return page.strip().partition("\n")[0]
