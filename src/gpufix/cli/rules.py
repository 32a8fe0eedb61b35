"""`gpufix rules`: the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.checks.registry import Rule


def rules(
    format: options.TextOrJsonFormat = TextOrJson.text,
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
    """Each rule with its one line, folded between words."""
    from rich.console import Console
    from rich.text import Text

    from gpufix.report.folding import folded
    from gpufix.text.clean import clean

    console = Console()
    wide = max((len(rule.name) for rule in known), default=0)
    for rule in known:
        head = f"{rule.code}  {clean(rule.name):<{wide}}  "
        if len(head) > console.width // 2:  # the line stands below the name
            console.print(Text(head.rstrip(), "bold"), soft_wrap=True, highlight=False)
            head = "  "
        text = Text(clean(_first_line(rule.page)))
        for number, line in enumerate(folded(text, max(console.width - len(head), 20))):
            lead = head if number == 0 else " " * len(head)
            console.print(Text(lead) + line, soft_wrap=True, highlight=False)


def _first_line(page: str) -> str:
    return page.strip().partition("\n")[0]
