"""The answer of `gpufix recommend`, for people and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict

from gpufix.evidence.torch_builds.existing import sentences
from gpufix.evidence.torch_builds.question import Question
from gpufix.evidence.torch_builds.rank import Miss, RankedBuilds
from gpufix.recommend.offer import Offer, Pose
from gpufix.report import styles
from gpufix.report.lines import Lines
from gpufix.text.clean import counted
from gpufix.text.json_output import dumps

_WIDTH = 80
_NO_CONDA = "none is known on conda-forge: use pip in the environment"
_WHEELS = "the wheels above are for torch's own builds: use pip in the environment"


def as_json(answer: RankedBuilds, offers: Sequence[Offer], pose: Pose | None = None) -> str:
    """One JSON object, with a newline."""
    question = answer.question
    found = {
        "schema_version": 1,
        "question": {
            "targets": [t.arch for t in question.targets],
            "python": question.python,
            "platform": question.platform,
            "driver": str(question.driver) if question.driver else None,
            "installed": _installed(question),
            "extensions": [e.name for e in question.extensions],
            "along": list(question.along),
        },
        "exists": list(sentences(question)),
        "builds": [_row(offer) for offer in offers],
        "nearest": [
            {"torch": m.build.version, "obstacles": [o.text for o in m.obstacles]}
            for m in answer.misses
        ],
        "pose": asdict(pose) if pose else None,
    }
    return dumps(found) + "\n"


def _row(offer: Offer) -> dict[str, object]:
    return {
        "torch": offer.build.version,
        "served": offer.served,
        "installed": offer.installed,
        "reasons": list(offer.reasons),
        "breaks": list(offer.breaks),
        "companions": list(offer.companions),
        "commands": {
            "pip": offer.commands.pip,
            "uv": offer.commands.uv,
            "conda": offer.commands.conda,
        },
    }


def recommended(answer: RankedBuilds, offers: Sequence[Offer], pose: Pose | None = None) -> Lines:
    """The best build whole, the others a line each, and what is in the way of the nearest."""
    lines = Lines()
    _question(lines, answer.question)
    if offers:
        _best(lines, offers[0])
        _others(lines, offers[1:], len(answer.fitting) - len(offers))
    else:
        lines.add()
        lines.add(("✗ none", f"bold {styles.BAD}"), ": no listed torch build serves all of this")
    _misses(lines, answer.misses, bool(offers))
    if pose:
        _pose(lines, pose)
    return lines


def _question(lines: Lines, question: Question) -> None:
    targets = ", ".join(f"{t.arch} ({t.name})" if t.name else t.arch for t in question.targets)
    _wrapped(lines, "for ", targets or "no GPU: a CPU build", "bold")
    driver = f" · driver {question.driver}".replace(" one of", " of") if question.driver else ""
    _wrapped(lines, "on ", f"{question.python} · {question.platform}{driver}")
    installed = _installed(question)
    if installed:
        lines.add(("installed ", "dim"), f"torch {installed}")
    for extension in question.extensions:
        lines.add(("with ", "dim"), extension.name)
    for name in question.along:
        lines.add(("with ", "dim"), name)
    for text in sentences(question):
        _wrapped(lines, "· ", text)


def _installed(question: Question) -> str | None:
    now = question.now
    return f"{now.release}+{now.variant or 'cpu'}" if now.release else None


def _best(lines: Lines, offer: Offer) -> None:
    lines.add()
    lines.add(
        ("✓ ", f"bold {styles.GOOD}"), (offer.build.label, "bold"), f"  {offer.build.version}"
    )
    for reason in offer.reasons:
        _wrapped(lines, "  · ", reason)
    for consequence in offer.breaks:
        _wrapped(lines, "  ! ", consequence, styles.WARN)
    if offer.companions:
        _wrapped(lines, "  goes with ", ", ".join(offer.companions))
    if offer.installed:
        return
    for name in ("pip", "uv", "conda"):
        command = getattr(offer.commands, name)
        if command:
            lines.add((f"  {name:<6}", "dim"), ("$ " + command, styles.GOOD))
    if offer.commands.conda is None:
        _wrapped(lines, "  conda ", _NO_CONDA if "&&" not in str(offer.commands.pip) else _WHEELS)


def _others(lines: Lines, offers: Sequence[Offer], more: int) -> None:
    if not offers:
        return
    lines.add()
    lines.add(("also fit", "bold"))
    for offer in offers:
        how = "PTX" if "jit" in offer.served.values() else "native" if offer.served else "CPU"
        breaks = f" · {counted(len(offer.breaks), 'consequence')}" if offer.breaks else ""
        here = " · installed" if offer.installed else ""
        lines.add(f"  {offer.build.version:<18} {how}{here}{breaks}")
    if more:
        lines.add((f"  … {more} more (--all)", "dim"))


def _misses(lines: Lines, misses: Sequence[Miss], fits: bool) -> None:
    if not misses:
        return
    lines.add()
    lines.add(("not these" if fits else "nearest", "bold"))
    for miss in misses:
        text = "; ".join(o.text for o in miss.obstacles)
        _wrapped(lines, f"  {miss.build.version:<18} ", text)


def _pose(lines: Lines, pose: Pose) -> None:
    lines.add()
    lines.add(("what remains", "bold"), f"  HSA_OVERRIDE_GFX_VERSION={pose.value}")
    risk = pose.text if pose.text.startswith(pose.risk) else f"{pose.risk}: {pose.text}"
    text = f"{pose.gfx} then runs the code of {pose.relative}, as in {pose.version}"
    _wrapped(lines, "  · ", text)
    _wrapped(lines, "  ! ", f"AMD does not support it; risk {risk}", styles.WARN)


def _wrapped(lines: Lines, start: str, text: str, style: str = "") -> None:
    """Folded at 80 columns, later lines under the text."""
    room = _WIDTH - len(start)
    for number, part in enumerate(textwrap.wrap(text, room, break_on_hyphens=False) or [""]):
        lines.add((start if number == 0 else " " * len(start), "dim"), (part, style))
