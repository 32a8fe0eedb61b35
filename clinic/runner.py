"""Tools over cases: one record each, kept at once, so that a stopped run goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from pydantic import BaseModel
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clinic import adapter, build, tree
from clinic.adapter import Adapter
from clinic.case import HERE, Case, digest
from clinic.patient import Answer, Failed, Patient
from clinic.truth import plain
from clinic.wheels import cache

RESULTS = HERE / "results"
KEPT = 60_000  # characters of an output that a record holds
LIMIT = 180.0  # seconds for a diagnosis
Places = dict[tuple[str, str], Path]  # a tool's environment, by name and Python
PATHS = 200  # changed paths that a record names


class Said(BaseModel):
    """A command of a tool: how it ended and what it printed, paths replaced by placeholders."""

    exit: int | None
    seconds: float
    output: str


class Repaired(BaseModel):
    said: Said
    check: bool  # does the remedy's check pass now
    changed: int
    strayed: list[str]  # changed, and not among what the case says a remedy may touch
    undone: Said | None = None
    left: list[str] = []  # differs from the first state after undo


class Record(BaseModel):
    """What a tool did with a case."""

    case: str
    content: str  # the case's digest
    tool: str
    version: str
    how: str  # digest of the commands asked
    failed: str = ""  # the patient could not be made, and why
    said: Said | None = None  # None: the tool has no command for this track
    touched: list[str] = []  # changed by a mere diagnosis
    repaired: Repaired | None = None


def how(tool: Adapter) -> str:
    asked = tool.run.model_dump_json() + str(tool.inside)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def records(name: str, root: Path = RESULTS) -> dict[str, Record]:
    """The kept records of a tool, by case; the last of a case counts."""
    path = root / f"{name}.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {r.case: r for r in (Record(**json.loads(line)) for line in lines if line.strip())}


def save(name: str, kept: Iterable[Record], root: Path = RESULTS) -> None:
    root.mkdir(parents=True, exist_ok=True)
    new = root / f"{name}.jsonl.new"
    lines = [r.model_dump_json() for r in sorted(kept, key=lambda r: r.case)]
    new.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    new.replace(root / f"{name}.jsonl")


def run(
    tools: list[Adapter],
    chosen: list[Case],
    *,
    jobs: int,
    again: bool,
    root: Path = RESULTS,
) -> int:
    """Ask every tool about every case; how many patients could not be made.

    Tools that only look share a patient; one that repairs gets its own.
    """
    pairs = [(t, c) for t in tools for c in chosen if adapter.fits(t, c)]
    wanted = dict.fromkeys((t.name, adapter.python(t, c)) for t, c in pairs)
    named = {tool.name: tool for tool in tools}
    places = {(name, python): adapter.installed(named[name], python) for name, python in wanted}
    kept = {tool.name: records(tool.name, root) for tool in tools}
    content = {case.id: digest(case.folder) for case in chosen}
    lock = threading.Lock()

    def due(tool: Adapter, case: Case) -> bool:
        old = kept[tool.name].get(case.id)
        return adapter.fits(tool, case) and (
            again
            or not old
            or bool(old.failed)
            or (old.content, old.version, old.how) != (content[case.id], tool.version, how(tool))
        )

    def keep(made: Record) -> None:
        with lock:
            kept[made.tool][made.case] = made
            path = root / f"{made.tool}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(made.model_dump_json() + "\n")

    def one(case: Case, asked: list[Adapter]) -> int:
        blank = {
            tool.name: Record(
                case=case.id,
                content=content[case.id],
                tool=tool.name,
                version=tool.version,
                how=how(tool),
            )
            for tool in asked
        }
        try:
            for made in answers(case, asked, places, blank):
                keep(made)
        except Failed as failed:
            for made in blank.values():
                keep(made.model_copy(update={"failed": str(failed)[:2000]}))
            return 1
        return 0

    # Cases with the same wheels one after the other: they are unpacked once.
    near = sorted(chosen, key=lambda case: (_wheels(case), case.id))
    work = [(case, [t for t in tools if due(t, case)]) for case in near]
    work = [(case, asked) for case, asked in work if asked]
    failed = 0
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("cases", total=len(work))
        with ThreadPoolExecutor(jobs) as pool:
            waiting = {pool.submit(one, case, asked): case for case, asked in work}
            for done in as_completed(waiting):
                failed += done.result()
                progress.update(task, advance=1, description=waiting[done].id[:40])
    for tool in tools:
        save(tool.name, kept[tool.name].values(), root)
    return failed


def _wheels(case: Case) -> str:
    listing = case.folder / (case.recipe.wheels or "no wheels")
    return listing.read_text("utf-8") if listing.exists() else ""


def answers(
    case: Case, asked: list[Adapter], places: Places, blank: dict[str, Record]
) -> Iterable[Record]:
    """The records of these tools, each as soon as it is there."""
    repairing = [t for t in asked if t.run.repair and case.remedy]
    looking = [t for t in asked if t not in repairing]
    place = {t.name: places[t.name, adapter.python(t, case)] for t in asked}
    if looking:
        with build.patient(case) as patient:
            before = tree.glance(patient)
            for tool in looking:
                made = _looked(tool, place[tool.name], case, patient, blank[tool.name])
                after = tree.glance(patient)
                touched = tree.changed(before, after)
                before = after
                yield made.model_copy(update={"touched": touched[:PATHS]})
    for tool in repairing:
        with build.patient(case) as patient:
            made = _looked(tool, place[tool.name], case, patient, blank[tool.name])
            done = _repaired(tool, place[tool.name], case, patient)
            yield made.model_copy(update={"repaired": done})


def _looked(tool: Adapter, place: Path, case: Case, patient: Patient, made: Record) -> Record:
    answer = adapter.asked(tool, place, case, patient, LIMIT)
    return made.model_copy(update={"said": _said(answer, patient)}) if answer else made


def _repaired(tool: Adapter, place: Path, case: Case, patient: Patient) -> Repaired:
    """Repair, undo and compare; then repair again and check: a check may build, and leave its own."""
    assert case.remedy

    def told(parts: tuple[str, ...]) -> Answer:
        return patient.ask(adapter.command(parts, tool, place, case))

    before = tree.prints(patient)
    mine = tree.owned(patient, case.remedy.touches)
    answer = told(tool.run.repair)
    after = tree.prints(patient, before)
    paths = tree.changed(before, after)
    mine |= tree.owned(patient, case.remedy.touches)
    undone, left = None, []
    if tool.run.undo and paths:
        undone = _said(told(tool.run.undo), patient)
        left = tree.changed(before, tree.prints(patient, before))
        told(tool.run.repair)
    if tree.written_in_place(before, tree.prints(patient, before)):
        shutil.rmtree(cache() / "uv", ignore_errors=True)  # it holds other names of these files
    within = adapter.command(tool.run.within, tool, place, case) if tool.run.within else []
    return Repaired(
        said=_said(answer, patient),
        check=all(patient.ask([*within, *check]).exit == 0 for check in case.remedy.check),
        changed=len(paths),
        strayed=tree.strayed(paths, mine, case.remedy.touches)[:PATHS],
        undone=undone,
        left=left[:PATHS],
    )


def _said(answer: Answer, patient: Patient) -> Said:
    output = plain(answer.output, patient)[:KEPT]
    return Said(exit=answer.exit, seconds=round(answer.seconds, 3), output=output)
