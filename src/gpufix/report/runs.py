"""Runs as `gpufix undo` shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gpufix.report.lines import Lines

Row = dict[str, Any]  # id, state, prefix, project, title, time, bytes_kept
_STYLE = {
    "kept": "green",
    "undone": "bold green",
    "interrupted": "bold yellow",
    "incomplete": "bold red",
    "damaged": "red",
}


def show_list(rows: Sequence[Row], as_json: bool) -> None:
    """Every run, oldest first."""
    if as_json:
        print(json.dumps(list(rows), indent=2))
        return
    lines = Lines()
    for row in rows:
        state = (f"{row['state']:<11} ", _STYLE.get(row["state"], "dim"))
        kept = f"{row['bytes_kept'] / (1 << 20):.1f} MiB"
        lines.add(f"{row['id']}  ", state, f"{kept:>10}  {row['prefix']}  {row['title']}")
    if not rows:
        lines.add("no runs")
    lines.deliver()


def show_one(row: Row, problems: Sequence[str], as_json: bool) -> None:
    """What was put back, or could not be; `row["state"]` says which."""
    if as_json:
        print(json.dumps({**row, "problems": list(problems)}, indent=2))
        return
    lines = Lines()
    lines.add(
        (str(row["state"]), _STYLE.get(row["state"], "bold")), f" {row['id']}: {row['title']}"
    )
    for problem in problems:
        lines.add(f"  {problem}")
    lines.deliver()


def show_nothing(message: str, as_json: bool) -> None:
    """There is no run to undo: an object without an id."""
    nothing: Row = {"id": None, "state": "nothing", "problems": []}
    print(json.dumps(nothing, indent=2) if as_json else message)
