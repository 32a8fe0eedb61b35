"""`gpufix rules`: the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from gpufix.cli.choices import TextOrJson


def rules(
    format: Annotated[
        TextOrJson, typer.Option("--format", help="Report format.")
    ] = TextOrJson.text,
) -> None:
    """List every rule: code, name and one line. `gpufix explain CODE` shows a rule's page."""

    from gpufix.plugins import all_rules
    from gpufix.text.clean import clean
    from gpufix.text.json_output import dumps

    known, _ = all_rules()
    if format is TextOrJson.json:
        rows = [{"code": r.code, "name": r.name, "summary": _first_line(r.page)} for r in known]
        typer.echo(dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for rule in known:
        table.add_row(rule.code, clean(rule.name), clean(_first_line(rule.page)))
    Console().print(table, highlight=False, markup=False)


def _first_line(page: str) -> str:
    return page.strip().partition("\n")[0]
