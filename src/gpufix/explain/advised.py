"""The releases that a message's remedy asks for, against those that are installed.

No file shows that a package takes a name that another one has no more; the log does. What it says is
judged as a rule is: a fault while the installed releases are others than the remedy's, gone afterwards.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement, Requirement

from gpufix.checks.registry import ERROR, Fault, Rule, declared
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.evidence.requirements import version_of
from gpufix.evidence.view import View
from gpufix.explain.explanation import Explanation
from gpufix.explain.own_advice import STATED
from gpufix.knowledge import name_spans, packages
from gpufix.model import Gap
from gpufix.model.payload import KnownConflict
from gpufix.text.names import normalise

OF_LOG = "log"  # the conflict's name
_COMMAND = re.compile(r"`(?:uv |python3? -m )?pip3? install (?P<arguments>[^`\n]{1,200})`")
_NEWEST = {"-U", "--upgrade"}
# Their builds are for one CUDA and move together: the doctor's rules choose them.
_OF_TORCH = re.compile(
    r"torch\b|torch(?:vision|audio|codec|ao)|pytorch|xformers|flash-attn|triton|nvidia-|vllm|sglang"
)
_FAMILIES = ("WHL", "SRC604", "TCH207")

Remedy = tuple[Requirement, ...]


def advised(explanation: Explanation) -> Rule | None:
    """A rule that finds what the remedy's commands would move; None where it has no such command."""
    if explanation.rule is not None and not explanation.rule.startswith(_FAMILIES):
        return None
    remedies = tuple(_remedies(explanation.do))
    if explanation.role not in ("cause", "symptom") or explanation.id == STATED or not remedies:
        return None
    rule = declared(requirement_conflict)
    return Rule(rule.code, rule.name, _Moved(explanation, remedies), rule.page)


def _remedies(advice: str) -> Iterator[Remedy]:
    for command in _COMMAND.finditer(advice):
        try:
            given = shlex.split(command["arguments"])
            wanted = tuple(Requirement(text) for text in given if text not in _NEWEST)
        except (ValueError, InvalidRequirement):  # other options, "X.Y.Z"
            continue
        bare = [row for row in wanted if not row.specifier]
        if not any(map(_is_placeholder, wanted)) and (not bare or wanted == tuple(bare)):
            yield wanted


def _is_placeholder(wanted: Requirement) -> bool:
    """NAME, and what other rules choose."""
    return wanted.name.isupper() or _OF_TORCH.match(normalise(wanted.name)) is not None


class _Moved:
    """The check. It remembers what was installed when it looked first: a bare name asks for a later one."""

    def __init__(self, explanation: Explanation, remedies: Sequence[Remedy]) -> None:
        self._shown, self._remedies = explanation.shown, remedies
        self._absent = "No module named" in explanation.shown
        self._first: dict[str, str | None] = {}

    def __call__(self, view: View) -> Iterator[Fault | Gap]:
        """What is installed, where it is none of the releases that the remedies name."""
        rows = [self._asked(remedy, view) for remedy in self._remedies]
        unmet = [row for row in rows if row]
        if not unmet or any(row == [] for row in rows):
            return
        name = normalise(unmet[0][0].name)
        dist = view.dist(name)
        here = f"{dist.name} {dist.version} is installed" if dist else f"{name} is not installed"
        yield Fault(
            severity=ERROR,
            subject=name,
            message=f"{here}; the log's message is remedied by {', '.join(map(str, unmet[0]))}.",
            evidence=(self._shown[:300],),
            payload=KnownConflict(OF_LOG, tuple(tuple(map(str, row)) for row in unmet)),
        )

    def _asked(self, remedy: Remedy, view: View) -> list[Requirement] | None:
        """What a remedy would move: [] = all is as it asks, None = it is about what is not here."""
        found = []
        for row in remedy:
            name = normalise(row.name)
            dist = view.dist(name)
            first = self._first.setdefault(name, dist.version if dist else None)
            if dist is None:
                if not (self._absent and _is_known(row.name)):
                    return None
                found.append(row)
                continue
            later = f"{row.name}>{first}" if first and not row.specifier else str(row)
            wanted, version = Requirement(later), version_of(dist.version)
            if version is None:
                return None
            if not wanted.specifier.contains(version, prereleases=True):
                found.append(wanted)
        return found


def _is_known(name: str) -> bool:
    """Whether a table has it: a text may name any distribution, and none is installed on its word."""
    plain = normalise(name)
    return plain in packages.imported() or name_spans.recorded(plain)
