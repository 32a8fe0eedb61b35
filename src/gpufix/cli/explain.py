"""`gpufix explain CODE`: a rule's page."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    what: Annotated[str, typer.Argument(metavar="CODE", help="A rule's code or name.")],
) -> None:
    """Show a rule's page: what it looks for, why it matters, and how it is remedied."""
    from gpufix.checks.selection import Selection, UnknownCode
    from gpufix.cli.patient import fail
    from gpufix.plugins import all_rules

    known, _ = all_rules()
    try:
        chosen = Selection(select=(what,)).apply(known)
    except UnknownCode as error:
        raise fail(str(error)) from None
    from rich.console import Console
    from rich.markdown import Markdown

    from gpufix.report.clean import clean

    console = Console()
    for rule in chosen:
        page = f"# {rule.code} {rule.name}\n\n{rule.page}"
        console.print(Markdown(clean(page, keep_newlines=True)))
