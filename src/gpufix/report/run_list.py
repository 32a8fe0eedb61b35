"""Runs as `gpufix undo` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpufix.report.lines import Lines
from gpufix.text.json_output import dumps

# id, state, prefix, environment, this_patient, project, title, time, bytes_kept
Row = dict[str, Any]
DOING = {"undo": "undoing", "forget": "giving up the kept files of"}
_STYLE = {
    "kept": "green",
    "undone": "bold green",
    "interrupted": "bold yellow",
    "incomplete": "bold red",
    "damaged": "red",
}


def named(row: Row) -> str:
    """The run, the environment and the project that it changed, and what it did, on one line."""
    project = f", project {row['project']}" if row["project"] else ""
    return f"{row['id']}: environment {_environment(row)}{project}: {row['title']}"


def _environment(row: Row) -> str:
    """The prefix, and whether it is no longer the folder that it was."""
    if not row["prefix"]:
        return "unknown"
    state = {"gone": " (no longer there)", "moved": " (now a link)"}.get(row["environment"], "")
    return f"{row['prefix']}{state}"


def show_list(rows: Sequence[Row], as_json: bool) -> None:
    """Every run, oldest first; the patient's own are marked."""
    if as_json:
        print(dumps(list(rows)))
        return
    lines = Lines()
    for row in rows:
        mark = ("* ", "bold") if row["this_patient"] else "  "
        kept = f"{row['bytes_kept'] / (1 << 20):.1f} MiB"
        about = f"{kept:>10}  {_environment(row)}  {row['title']}"
        lines.add(mark, f"{row['id']}  ", _state(row), about)
    if not rows:
        lines.add("no runs")
    for prefix in {row["prefix"]: None for row in rows if row["this_patient"]}:
        lines.add((f"* of the environment at hand, {prefix}", "dim"))
    lines.print()


def _state(row: Row) -> tuple[str, str]:
    return (f"{row['state']:<11} ", _STYLE.get(row["state"], "dim"))


def show_elsewhere(
    rows: Sequence[Row], total: int, prefix: str | None, act: str, as_json: bool, commands: bool
) -> None:
    """The patient has no run, others have: which, and the command for each of them."""
    where = f"in {prefix}" if prefix else "here: no environment is active, and none was named"
    why = f"there is nothing to {act} {where}"
    option = "--forget " if act == "forget" else ""
    commanded = [{**row, "command": f"gpufix undo {option}{row['id']}"} for row in rows]
    if as_json:
        nothing: Row = {"id": None, "state": "elsewhere", "prefix": prefix, "problems": [why]}
        print(dumps({**nothing, "runs": commanded}))
        return
    lines = Lines()
    lines.add(why)
    lines.add(("Runs of other environments", "bold"))
    for number, row in enumerate(commanded, 1):
        lines.add(f"{number:>3}. {row['id']}  ", _state(row), f"{row['time']}  {_environment(row)}")
        about = f"project {row['project']}: " if row["project"] else ""
        lines.add((f"     {about}{row['title']}", "dim"))
        if commands:
            lines.raw(f"     $ {row['command']}", "green")
    if total > len(rows):
        lines.add((f"… and {total - len(rows)} earlier ones: gpufix undo --list", "dim"))
    lines.print()


def show_one(row: Row, problems: Sequence[str], as_json: bool) -> None:
    """What was put back, or could not be; `row["state"]` says which."""
    if as_json:
        print(dumps({**row, "problems": list(problems)}))
        return
    lines = Lines()
    lines.add(
        (str(row["state"]), _STYLE.get(row["state"], "bold")), f" {row['id']}: {row['title']}"
    )
    lines.add(("  environment ", "dim"), _environment(row))
    if row["project"]:
        lines.add(("  project ", "dim"), str(row["project"]))
    for problem in problems:
        lines.add(f"  {problem}")
    lines.print()


def show_nothing(prefix: str | None, as_json: bool) -> None:
    """There is no run to undo, of whatever environment: an object without an id."""
    nothing: Row = {"id": None, "state": "nothing", "prefix": prefix, "problems": []}
    where = f" in {prefix}" if prefix else ""
    if as_json:
        print(dumps(nothing))
        return
    lines = Lines()
    lines.add(f"there is nothing to undo{where}")
    lines.print()
