"""Runs as `gpufix undo` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpufix.engine.journal.undo_run import Preview, Undone
from gpufix.report import styles
from gpufix.report.lines import Lines
from gpufix.text.json_output import dumps
from gpufix.text.shell import join

# id, state, prefix, environment, this_patient, project, title, time, bytes_kept, aside
Row = dict[str, Any]
DOING = {"undo": "undoing", "forget": "giving up the kept files of"}
_STYLE = {
    "kept": styles.GOOD,
    "undone": f"bold {styles.GOOD}",
    "interrupted": f"bold {styles.WARN}",
    "incomplete": f"bold {styles.BAD}",
    "damaged": styles.BAD,
}
_SHOWN = 10  # paths


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
        aside = f"  {row['aside']} aside" if row["aside"] else ""
        lines.add(mark, f"{row['id']}  ", _state(row), f"{kept:>10}  {row['time']}{aside}")
        project = f", project {row['project']}" if row["project"] else ""
        lines.add((f"    {_environment(row)}{project}: {row['title']}", "dim"))
    if not rows:
        lines.add("no runs")
    for prefix in {row["prefix"]: None for row in rows if row["this_patient"]}:
        lines.add((f"* of the current environment, {prefix}", "dim"))
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
            lines.raw(f"     $ {row['command']}", styles.GOOD)
    if total > len(rows):
        lines.add((f"… and {total - len(rows)} earlier ones: gpufix undo --list", "dim"))
    lines.print()


def show_one(row: Row, undone: Undone, as_json: bool) -> None:
    """What was put back, or could not be, and what lies aside; `row["state"]` says which."""
    if as_json:
        aside = {"paths": list(undone.aside), "commands": [_copy(*pair) for pair in undone.back]}
        told = {"problems": list(undone.problems), "lost": list(undone.lost), "aside": aside}
        print(dumps({**row, **told}))
        return
    lines = _about(row)
    for problem in (*undone.problems, *undone.lost):
        lines.add(f"  {problem}")
    if undone.aside:
        lines.add(f"  put aside, for it may be somebody else's ({len(undone.aside)}):")
        _some(lines, undone.aside)
        lines.add("  to bring it back:")
        for pair in undone.back:
            lines.raw(f"  $ {_copy(*pair)}", styles.GOOD)
    lines.print()


def _about(row: Row) -> Lines:
    lines = Lines()
    lines.add(
        (str(row["state"]), _STYLE.get(row["state"], "bold")), f" {row['id']}: {row['title']}"
    )
    lines.add(("  environment ", "dim"), _environment(row))
    if row["project"]:
        lines.add(("  project ", "dim"), str(row["project"]))
    return lines


def _copy(source: str, target: str) -> str:
    return join(["cp", "-aT", source, target])


def _some(lines: Lines, paths: Sequence[str]) -> None:
    for path in paths[:_SHOWN]:
        lines.add(f"    {path}")
    if len(paths) > _SHOWN:
        lines.add(f"    … and {len(paths) - _SHOWN} more")


def show_preview(row: Row, preview: Preview, as_json: bool) -> None:
    """What an undo would change; nothing has been done."""
    if as_json:
        told = {
            "restored": preview.restored,
            "taken_away": preview.added,
            "changed_since": preview.since,
        }
        print(dumps({**row, **{name: list(paths) for name, paths in told.items()}}))
        return
    lines = _about(row)
    for title, paths in (
        ("would be restored", preview.restored),
        ("would be taken away", preview.added),
        ("changed since that run: undo refuses, --force puts it aside", preview.since),
    ):
        if paths:
            lines.add(f"  {title} ({len(paths)}):")
            _some(lines, paths)
    if not (preview.restored or preview.added):
        lines.add("  nothing would change")
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
