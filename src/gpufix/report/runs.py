"""Runs as `gpufix undo` shows them."""

from __future__ import annotations

import json
import time
from typing import Any

from gpufix.engine import runs
from gpufix.engine.runs import Run
from gpufix.facts.overlay import state_dir
from gpufix.report.lines import Lines

_STYLE = {"kept": "green", "interrupted": "bold yellow", "damaged": "red"}


def show_list(as_json: bool) -> None:
    """Every run, oldest first."""
    found = [run for run in runs.every(state_dir()) if run.state != "empty"]
    if as_json:
        print(json.dumps([_row(run) for run in found], indent=2))
        return
    lines = Lines()
    for run in found:
        row = _row(run)
        lines.add(
            f"{run.id}  ",
            (f"{run.state:<11} ", _STYLE.get(run.state, "dim")),
            f"{row['prefix']}  {row['title']}",
        )
    if not found:
        lines.add("no runs")
    lines.deliver()


def show_nothing(message: str, as_json: bool) -> None:
    """There is no run to undo: an object without an id."""
    print(
        json.dumps({"id": None, "state": "nothing", "problems": []}, indent=2)
        if as_json
        else message
    )


def show_undone(run: Run, problems: list[str], forgotten: bool, as_json: bool) -> None:
    """What was put back, or could not be."""
    state = "incomplete" if problems else "forgotten" if forgotten else "undone"
    if as_json:
        print(json.dumps({**_row(run), "state": state, "problems": problems}, indent=2))
        return
    lines = Lines()
    style = {"incomplete": "bold red", "undone": "bold green"}.get(state, "bold")
    lines.add((state, style), f" {run.id}: {_row(run)['title']}")
    for problem in problems:
        lines.add(f"  {problem}")
    lines.deliver()


def _row(run: Run) -> dict[str, Any]:
    started = float(run.begin.get("time") or 0.0)
    return {
        "id": run.id,
        "state": run.state,
        "prefix": run.prefix,
        "project": run.begin.get("project"),
        "title": str(run.begin.get("title", "")),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "bytes_kept": runs.kept_bytes(run),
    }
