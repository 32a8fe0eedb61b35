"""Reports as terminals of any width, pipes and NO_COLOR show them: no word, path or command is broken.

The same words in the same order as without a width: that is the oracle, and nothing of the folding is asked.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from rich.color import Color
from rich.console import Console

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.diagnosis.redaction import load
from gpufix.engine.run.preview import proposal
from gpufix.engine.run.propose import FixRequest, propose
from gpufix.engine.run_context import RunContext
from gpufix.model import Diagnosis
from gpufix.report import plans, styles, terminal
from gpufix.report.lines import Lines

TESTS = Path(__file__).parents[1]
RECORDED = sorted((TESTS / "clinic").glob("*/facts.json"))
REPORT = TESTS.parent / "src" / "gpufix" / "report"
_ESCAPE = re.compile(r"\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\")
_MARGIN = {"│", "\\", "|"}


@cache
def judged(path: Path) -> Diagnosis:
    return diagnose(load(path), Request(gpus=("RTX 5080", "sm_90")))


@cache
def previewed(path: Path) -> Lines:
    """What `gpufix fix` shows of it."""
    facts = load(path)
    proposed = propose(facts, None, FixRequest(Request(gpus=("sm_120",)), frozenset(), True))
    return plans.proposed(proposal(proposed, RunContext(facts)))


def shown(what: Diagnosis | Lines, monkeypatch: pytest.MonkeyPatch, **options: object) -> str:
    out = io.StringIO()
    console = Console(file=out, **options)  # type: ignore[arg-type]
    if isinstance(what, Lines):
        monkeypatch.setattr("gpufix.report.lines.Console", lambda: console)
        what.print()
    else:
        terminal.show(what, console, verbose=True)
    return out.getvalue()


def words(text: str) -> list[str]:
    """Every word, without what only marks a line."""
    return [word for word in _ESCAPE.sub("", text).split() if word not in _MARGIN]


def reports(path: Path) -> Iterator[Diagnosis | Lines]:
    yield judged(path)
    yield previewed(path)


@pytest.mark.some(20)
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "NO_COLOR"])
@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.parent.name)
def test_no_word_is_broken_on_a_terminal(
    path: Path, width: int, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in reports(path):
        whole = words(shown(what, monkeypatch, width=100_000, force_terminal=True))
        text = shown(what, monkeypatch, width=width, force_terminal=True, no_color=not colour)
        assert words(text) == whole
        assert colour or not re.search(r"\x1b\[[\d;]*(3[0-79]|38|9[0-7])[;m]", text)
        for line in _ESCAPE.sub("", text).split("\n"):
            diff = line.startswith("     ") and isinstance(what, Lines)  # its spaces mean something
            folded = len(line) <= width or len(words(line)) <= _least(line) or diff
            assert folded, line


def _least(line: str) -> int:
    """The words that a line has whatever its width: its mark, and a quoted argument's own."""
    quoted = re.findall(r"'[^']* [^']*'|\"[^\"]* [^\"]*\"", line)
    lead = next((2 for mark in ("$ ", "└ so ", "next:", "about:") if mark in line[:12]), 1)
    return lead + 1 + sum(len(part.split()) - 1 for part in quoted)


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.parent.name)
def test_a_pipe_gets_whole_commands_and_no_escapes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in reports(path):
        piped = shown(what, monkeypatch, width=80, force_terminal=False)
        wide = shown(what, monkeypatch, width=100_000, force_terminal=False)
        assert "\x1b" not in piped
        assert words(piped) == words(wide)
        commands = [line for line in wide.split("\n") if line.lstrip().startswith("$ ")]
        assert [c for c in commands if c not in piped.split("\n")] == []


def test_there_are_commands_and_evidence() -> None:
    """The recorded environments have enough of what could be broken."""
    findings = [finding for path in RECORDED for finding in judged(path).findings]
    assert sum(len(finding.evidence) for finding in findings) > 30
    assert sum(bool(fix.command) for finding in findings for fix in finding.fixes) > 10


def _luminance(number: int) -> float:
    """Relative luminance of the Web Content Accessibility Guidelines."""
    parts = [value / 255 for value in Color.from_ansi(number).get_truecolor()]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "style", [styles.WARN, styles.GOOD, styles.BAD, styles.UNKNOWN, styles.NOTE]
)
@pytest.mark.parametrize("background", [231, 16, 234], ids=["white", "black", "dark grey"])
def test_colours_are_legible_on_light_and_dark(style: str, background: int) -> None:
    pair = sorted((_luminance(int(style[6:-1])), _luminance(background)))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3


def test_reports_have_no_other_colour() -> None:
    names = re.compile(r"\b(green|red|yellow|cyan|magenta|blue|white|black)\b")
    found = [
        f"{path.name}:{node.lineno}: {node.value}"
        for path in REPORT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if " " not in node.value.removeprefix("bold ") and names.search(node.value)
    ]
    assert found == []
