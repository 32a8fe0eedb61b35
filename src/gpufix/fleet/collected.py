"""Snapshots of many nodes, kept as few: each distinct part of one is read and held once."""

from __future__ import annotations

import json
import marshal
import re
import zlib
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import gpufix
from gpufix.diagnosis.unjudged import NO_ENVIRONMENT
from gpufix.fleet.inputs import Reading
from gpufix.fleet.sections import SECTIONS, looked, rows
from gpufix.model import SCHEMA_VERSION
from gpufix.model.fleet_report import FleetNode, NodeState
from gpufix.text.clean import clean

ENVIRONMENTS = 1000  # distinct ones that are judged
_OF_ENVIRONMENT = ("interpreter", "torch", "distributions", "libraries", "storage")
_NOT_JUDGED = ("network", "storage", "node")  # no rule on environments asks for them
_NO_NAME = re.compile(r"[\[\],\s]")  # what ranges of names are written with
DAMAGED = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)


class Class(NamedTuple):
    """What a node has of one section: rows, and whether what is not among them is absent."""

    variant: int
    whole: bool


class Distinct(NamedTuple):
    """One distinct environment, as the snapshot of its first node, packed."""

    node: str
    packed: bytes


class Collected:
    """What `add` was given. profiles: nodes' classes, section by section, each combination once."""

    def __init__(self) -> None:
        self.nodes: list[FleetNode] = []
        self.profile_of: list[int | None] = []  # of each node; None = nothing to compare
        self.profiles: list[tuple[Class, ...]] = []
        self.variants: dict[str, list[dict[str, str]]] = {name: [] for name in SECTIONS}
        self.owners: dict[str, str] = {}  # library, relative -> its distribution
        self.unseen: dict[tuple[str, str], list[str]] = {}  # section, reason -> nodes
        self.copies: dict[tuple[str, str], list[str]] = {}
        self.environments: list[Distinct] = []
        self._profile_ids: dict[tuple[Class, ...], int] = {}
        self._environment_ids: dict[Any, int] = {}
        self._read: dict[bytes, int] = {}
        self._known: dict[str, dict[frozenset[tuple[str, str]], int]] = {n: {} for n in SECTIONS}
        self._names: dict[str, int] = {}

    def add(self, reading: Reading) -> None:
        """One node's answer, or its absence."""
        name = self._unique(reading.node)
        if reading.facts is None:
            self._row(name, reading, "no answer", reading.problem or "no answer")
            return
        try:
            self._facts(name, reading, reading.facts)
        except DAMAGED as error:
            problem = f"not a snapshot: {type(error).__name__}: {error}"
            self._row(name, reading, "no answer", problem)

    def _unique(self, name: str) -> str:
        """Two answers under one name are two rows."""
        name = _NO_NAME.sub("_", clean(name))[:255] or "?"
        number = self._names[name] = self._names.get(name, 0) + 1
        return name if number == 1 else f"{name}#{number}"

    def _row(
        self,
        name: str,
        reading: Reading,
        state: NodeState,
        problem: str | None,
        profile: int | None = None,
        environment: int | None = None,
    ) -> None:
        node = FleetNode(
            name=name,
            state=state,
            problem=problem,
            gpufix_version=reading.gpufix,
            note=reading.note,
            environment=environment,
            cpu_seconds=reading.cpu_seconds,
        )
        self.nodes.append(node)
        self.profile_of.append(profile)

    def _facts(self, name: str, reading: Reading, facts: Mapping[str, Any]) -> None:
        if facts.get("schema_version") != SCHEMA_VERSION:
            schema = facts.get("schema_version")
            problem = f"facts of schema {schema!r}; this gpufix reads schema {SCHEMA_VERSION}"
            self._row(name, reading, "other version", problem)
            return
        other = reading.gpufix != gpufix.__version__
        gaps = {gap["section"]: f"{gap['subject']}: {gap['reason']}" for gap in facts["gaps"]}
        copy = _copy(facts)
        classes = tuple(self._class(name, s, facts, gaps, other) for s in SECTIONS)
        profile = self._profile_ids.setdefault(classes, len(self.profiles))
        if profile == len(self.profiles):
            self.profiles.append(classes)
        if copy is not None:
            self.copies.setdefault(copy, []).append(name)
        if facts.get("python") is None:
            why = gaps.get("python", NO_ENVIRONMENT)
            self._row(name, reading, "nothing judged", why, profile)
            return
        environment = self._environment(name, facts, classes)
        found = f"gpufix {reading.gpufix}; here it is {gpufix.__version__}" if other else None
        state: NodeState = "other version" if other else "answered"
        self._row(name, reading, state, found, profile, environment)

    def _class(
        self,
        name: str,
        section: str,
        facts: Mapping[str, Any],
        gaps: Mapping[str, str],
        other: bool,
    ) -> Class:
        _, parts, of_gaps = SECTIONS[section]
        missing = section in _OF_ENVIRONMENT and facts.get("python") is None
        reason = next((gaps[gap] for gap in gaps if gap in of_gaps), None)
        if not missing and not looked(section, facts):
            reason = reason or "the snapshot does not hold it"
        if reason and not missing:
            self.unseen.setdefault((section, reason), []).append(name)
        whole = not (reason or missing or other)
        return Class(self._variant(section, facts, parts), whole)

    def _variant(self, section: str, facts: Mapping[str, Any], parts: tuple[str, ...]) -> int:
        raw = marshal.dumps([section, *(facts.get(part) for part in parts)], 2)
        key = blake2b(raw, digest_size=16).digest()
        known = self._read.get(key)
        if known is None:
            found = rows(section, facts)
            if not all(isinstance(text, str) for row in found.items() for text in row):
                raise TypeError(f"{section}: a value is no text")
            distinct = frozenset(found.items())
            held = self._known[section]
            known = held.setdefault(distinct, len(self.variants[section]))
            if known == len(self.variants[section]):
                self.variants[section].append(found)
                if section == "libraries":
                    self._own(facts)
            if "host" not in parts:  # which holds free memory: no two are alike
                self._read[key] = known
        return known

    def _own(self, facts: Mapping[str, Any]) -> None:
        named = list(rows("libraries", facts))
        for name, file in zip(named, (facts.get("binaries") or {}).get("files", ()), strict=False):
            if file.get("distribution"):
                self.owners.setdefault(name, file["distribution"])

    def _environment(self, name: str, facts: Mapping[str, Any], classes: tuple[Class, ...]) -> int:
        """Its number: nodes of one number are alike in all that rules ask."""
        judged = [c for s, c in zip(SECTIONS, classes, strict=True) if s not in _NOT_JUDGED]
        answers = blake2b(marshal.dumps(facts.get("answers"), 2), digest_size=16).digest()
        key = (*judged, answers)
        number = self._environment_ids.setdefault(key, len(self._environment_ids))
        if number == len(self.environments) < ENVIRONMENTS:
            packed = zlib.compress(json.dumps(facts).encode(), 1)
            self.environments.append(Distinct(name, packed))
        return number


def _copy(facts: Mapping[str, Any]) -> tuple[str, str] | None:
    """Which copy of an environment it is: nodes with the same one share it."""
    storage = facts.get("storage")
    if not storage or not storage.get("key"):
        return None
    return str(storage["key"]), f"{storage['kind']} {storage.get('source') or ''}".strip()
