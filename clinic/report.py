"""docs/clinic.md, from the kept records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clinic import adapter, runner
from clinic.adapter import Adapter
from clinic.case import Case, Kind, cases
from clinic.judge import Judged, Score, score

NOTES = runner.RESULTS / "notes.md"  # of the runs: by hand
PAGE = Path(__file__).parent.parent / "docs" / "clinic.md"


def page(chosen: Sequence[Case] | None = None, root: Path = runner.RESULTS) -> str:
    """The whole page as Markdown."""
    every = list(chosen or cases())
    scores = [score(t, every, runner.records(t.name, root)) for t in adapter.adapters()]
    scores = [s for s in scores if s.rows]
    return "\n".join(
        [
            *_head(every),
            *_scores(scores),
            *_tools([s.tool for s in scores]),
            *_matrix(every, scores),
            *_faults(scores),
            TAIL,
        ]
    )


def _head(every: Sequence[Case]) -> list[str]:
    count = Counter((c.kind, c.healthy) for c in every)
    broken, healthy = count[Kind.environment, False], count[Kind.environment, True]
    trees, sound = count[Kind.tree, False], count[Kind.tree, True]
    families = len({c.family for c in every})
    return [
        "# A public benchmark of broken GPU environments",
        "",
        "<!-- Written by `python -m clinic report`. Do not edit. -->",
        "",
        f"`clinic/` holds {len(every)} cases of {families} package families: {broken} broken and "
        f"{healthy} healthy environments, {trees} source trees that do not build as they should and "
        f"{sound} that do. Each is made anew from pinned wheels and sources of its own; its truth log "
        "says what `import`, the loader, pip, nvcc or cuobjdump said of it before any tool saw it. "
        "[clinic/README.md](https://github.com/gpufix/gpufix/tree/main/clinic) tells how to run it, "
        "add a case or a tool.",
        "",
        "The machine has no GPU or driver; what a tool says about that alone counts neither way. "
        "gpufix is measured by the same rules as the others; its authors wrote the cases, from "
        "public threads, before it was run on them.",
        "",
        NOTES.read_text("utf-8"),
    ]


def _scores(scores: Iterable[Score]) -> list[str]:
    rows = [
        "## Scores",
        "",
        "*Named*: broken cases whose cause the tool named. *False alarms*: healthy cases where it "
        "called something broken. *Repaired*: broken environments whose check passes after the "
        "tool's own repair. *Undone*: repairs that it took back, byte for byte. Shares with "
        "Wilson's 95 % interval. Tools made for one question answer few cases; see below what each "
        "is for.",
        "",
        "| tool | environments: named | false alarms | trees: named | false alarms | repaired | undone | s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    best = sorted(scores, key=lambda s: -s.named(Kind.environment).hits)
    for s in best:
        cells = [
            s.tool.name,
            *(str(share) for kind in Kind for share in (s.named(kind), s.false_alarms(kind))),
            str(s.repaired),
            str(s.undone),
            f"{s.seconds:.1f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return [*rows, ""]


def _tools(tools: Iterable[Adapter]) -> list[str]:
    return [
        "## Tools",
        "",
        *(f"- [{t.name}]({t.home}) {t.version}: {t.about}" for t in tools),
        "",
    ]


def _matrix(every: Sequence[Case], scores: Sequence[Score]) -> list[str]:
    marks: dict[tuple[str, str], Judged] = {
        (j.case.id, s.tool.name): j for s in scores for j in s.rows
    }
    names = [s.tool.name for s in scores]
    rows = [
        "## Cases",
        "",
        "**N** named, **-** not named, **.** rightly silent, **F** false alarm, blank: no answer. "
        "**r** after it: repaired.",
        "",
        f"| case | cause | {' | '.join(names)} |",
        f"| --- | --- |{' --- |' * len(names)}",
    ]
    for case in every:
        cause = "healthy" if case.healthy else case.cause.name if case.cause else ""
        where = case.source or ""
        title = f"[{case.id}]({where})" if where else case.id
        cells = [_mark(marks.get((case.id, name))) for name in names]
        rows.append(f"| {title} | {cause} | {' | '.join(cells)} |")
    return [*rows, ""]


def _mark(judged: Judged | None) -> str:
    if judged is None:
        return ""
    done = judged.record.repaired
    return judged.mark.strip() + ("r" if done and done.check else "")


def _faults(scores: Sequence[Score]) -> list[str]:
    rows = []
    for s in scores:
        wrong = [j for j in s.rows if j.wrong]
        touched = [j for j in s.rows if j.record.touched]
        left = [j for j in s.rows if j.record.repaired and j.record.repaired.left]
        if wrong:
            said = ", ".join(f"{j.case.id} ({', '.join(j.wrong)})" for j in wrong)
            rows.append(f"- {s.tool.name} named a cause that is known to be false: {said}.")
        if touched:
            rows.append(
                f"- {s.tool.name} changed files of {len(touched)} patients while it only looked."
            )
        if s.strayed:
            rows.append(f"- {s.tool.name} changed files outside the fault in {s.strayed} repairs.")
        if left:
            rows.append(
                f"- {s.tool.name} left differences after undo in {len(left)} cases: "
                f"{', '.join(j.case.id for j in left)}."
            )
    return ["## What else was seen", "", *(rows or ["Nothing."]), ""]


TAIL = """## Judge again, or submit

The answers of every tool are kept as they were printed in `clinic/results/`; `python -m clinic report`
judges them again by the rubrics beside the adapters (`clinic/adapters/`). To submit a tool, write its
adapter, run `python -m clinic run --tool NAME` and send both files. To dispute a score, change the
rubric and say why: the answers stay the same. A case that turns out wrong is marked so and replaced,
not changed.
"""


def matches(root: Path = runner.RESULTS) -> str:
    """Every match that counted, as JSON lines: tool, case, cause, the words."""
    lines = []
    for tool in adapter.adapters():
        for j in score(tool, cases(), runner.records(tool.name, root)).rows:
            if j.named or j.alarms or j.wrong:
                row: dict[str, Any] = {
                    "tool": tool.name,
                    "case": j.case.id,
                    "named": j.named,
                    "wrong": j.wrong,
                }
                row |= {"alarms": j.alarms if j.case.healthy else len(j.alarms)}
                lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)
