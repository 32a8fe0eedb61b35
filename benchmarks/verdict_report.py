"""Tables and explanations of what the verdict oracle found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from verdict_compare import WRONG, Said, flat
from verdict_truth import Import


@dataclass
class Row:
    """One package in one environment under one condition."""

    environment: str
    recipe: str
    broken: dict[str, str]
    condition: str
    name: str
    version: str
    compiled: bool
    truth: Import
    said: Said
    verdict: str
    report: dict[str, Any]

    @property
    def wrong(self) -> bool:
        return self.verdict in WRONG

    @property
    def line(self) -> str:
        how = self.broken.get("kind", "whole")
        return f"{self.verdict}: {self.name} {self.version} in {self.environment} ({how}, {self.condition})"


def summary(rows: list[Row]) -> str:
    """Markdown: agreement overall, by condition, by state, by kind of damage; verdicts by count."""
    if not rows:
        return "nothing judged"
    tables = [
        ("all", lambda row: "all"),
        ("driver", lambda row: row.condition),
        ("state", lambda row: "broken" if row.broken else "whole"),
        ("import", lambda row: row.truth.kind),
        ("damage", lambda row: row.broken.get("kind", "none")),
    ]
    head = "| | packages | agree | " + " | ".join(f"{name}" for name in _VERDICTS) + " |"
    lines = [head, "| --- " + "| ---: " * (len(_VERDICTS) + 2) + "|"]
    for title, key in tables:
        lines += _block(title, rows, key)
    whole = {r.name for r in rows if not r.broken and r.compiled}
    hit = {(r.environment, r.name) for r in rows if r.broken and r.truth.kind != "works"}
    lines += ["", f"whole: {len(whole)} distinct packages with compiled libraries"]
    lines += [f"broken: {len(hit)} packages whose import fails"]
    lines += [f"doctor: {_mean(r.report['seconds'] for r in rows):.2f} s an environment"]
    return "\n".join(lines)


_VERDICTS = (
    *(
        "healthy",
        "caught",
        "caught for another",
        "driver",
        "warned",
        "caught as warning",
        "unclaimed",
    ),
    *("false error", "driver blamed", "missed"),
)


def _block(title: str, rows: list[Row], key: Callable[[Row], str]) -> list[str]:
    lines = []
    for value in dict.fromkeys(map(key, rows)):
        some = [row for row in rows if key(row) == value]
        counts = Counter(row.verdict for row in some)
        share = sum(not row.wrong for row in some) / len(some)
        cells = " | ".join(str(counts[name]) for name in _VERDICTS)
        name = value if title == "all" else f"{title}: {value}"
        lines.append(f"| {name} | {len(some)} | {share:.2%} | {cells} |")
    return lines


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept)


def written(rows: list[Row]) -> str:
    """The summary, and in full what does not agree or is worth a look."""
    parts = ["# Summary", summary(rows)]
    for verdict in (*WRONG, "warned", "caught as warning", "unclaimed"):
        some = [row for row in rows if row.verdict == verdict]
        if some:
            parts += [f"\n# {verdict}: {len(some)}"]
            parts += [_explained(row) for row in some]
    return "\n".join(parts) + "\n"


def _explained(row: Row) -> str:
    findings = row.said.errors + row.said.of_cause + row.said.warnings
    others = [f for f in flat(row.report["findings"]) if f not in findings]
    lines = [f"\n## {row.line}", f"- recipe: `{row.recipe}`", f"- damage: {row.broken or 'none'}"]
    lines += [f"- import: {row.truth.kind}: {row.truth.detail[:400]}"]
    lines += [
        f"- doctor: {f['severity']} {f['code']} {f['subject']}: {f['message']}" for f in findings
    ]
    lines += [f"- of others: {f['severity']} {f['code']} {f['message'][:200]}" for f in others[:6]]
    lines += [f"- gap: {gap}" for gap in row.report["gaps"][:3]]
    if row.truth.text:
        lines += ["```", *row.truth.text.strip().splitlines()[-8:], "```"]
    return "\n".join(lines)
