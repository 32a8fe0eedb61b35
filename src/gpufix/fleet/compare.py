"""Where nodes differ: each thing whose value is not everywhere the same, with who has which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from gpufix.fleet.collected import Class, Collected
from gpufix.fleet.drift_codes import drift_code
from gpufix.fleet.ranges import fold
from gpufix.fleet.sections import SECTIONS
from gpufix.model.fleet_report import Difference, FleetValue

_APART = 5  # things of one section between the same nodes that are shown each for itself
_NAMED = 20
_VALUES = 12  # of one thing
ABSENT = None

Groups = dict[str | None, list[int]]  # value -> profiles that have it


class Found(NamedTuple):
    """The differences, and each node's sections in which it is not as the reference."""

    differences: list[Difference]
    odd: dict[int, list[str]]


class _Split(NamedTuple):
    """One thing that differs. `reference`: the value, in a tuple that is empty without one."""

    section: str
    name: str
    groups: Groups
    reference: tuple[str | None, ...]
    signature: tuple[int, ...]


def compare(collected: Collected, reference: Mapping[str, Mapping[str, str]] | None) -> Found:
    """`reference`: rows by section of the snapshot to compare with; None = the majority."""
    names = _names_by_profile(collected)
    weights = Counter({profile: len(found) for profile, found in names.items()})
    found: list[Difference] = []
    odd: dict[int, list[str]] = {}
    changed: dict[str, tuple[int, ...]] = {}  # distribution -> between whom its version differs
    for section in SECTIONS:
        splits = list(_splits(collected, section, weights, reference))
        if section == "distributions":
            changed = {split.name: split.signature for split in splits}
        if section == "libraries":
            splits = [s for s in splits if changed.get(_owner(collected, s.name)) != s.signature]
        for split in splits:
            for profile in _odd(split):
                sections = odd.setdefault(profile, [])
                if section not in sections:
                    sections.append(section)
        found += _shown(collected, splits, names)
    return Found(found, odd)


def _owner(collected: Collected, name: str) -> str:
    return collected.owners.get(name, "")


def _names_by_profile(collected: Collected) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for node, profile in zip(collected.nodes, collected.profile_of, strict=True):
        if profile is not None:
            names.setdefault(profile, []).append(node.name)
    return names


def _splits(
    collected: Collected,
    section: str,
    weights: Mapping[int, int],
    reference: Mapping[str, Mapping[str, str]] | None,
) -> Iterator[_Split]:
    place = list(SECTIONS).index(section)
    classes: dict[Class, list[int]] = {}
    for profile, row in enumerate(collected.profiles):
        classes.setdefault(row[place], []).append(profile)
    variants = collected.variants[section]
    wanted = reference.get(section, {}) if reference is not None else None
    every = dict.fromkeys(name for variant, _ in classes for name in variants[variant])
    for name in dict.fromkeys([*every, *(wanted or ())]):
        groups: Groups = {}
        for (variant, whole), profiles in classes.items():
            value = variants[variant].get(name)
            if value is not None or whole:
                groups.setdefault(value, []).extend(profiles)
        if wanted is not None:
            if groups and set(groups) != {wanted.get(name)}:
                usual: tuple[str | None, ...] = (wanted.get(name),)
                yield _Split(section, name, groups, usual, _signature(groups, collected))
        elif len(groups) > 1:
            usual = _majority(groups, weights)
            yield _Split(section, name, groups, usual, _signature(groups, collected))


def _signature(groups: Groups, collected: Collected) -> tuple[int, ...]:
    """Which profiles go together: things that differ between the same nodes have the same."""
    found = [-1] * len(collected.profiles)
    ordered = sorted(groups.values(), key=min)
    for number, profiles in enumerate(ordered):
        for profile in profiles:
            found[profile] = number
    return tuple(found)


def _majority(groups: Groups, weights: Mapping[int, int]) -> tuple[str | None, ...]:
    counts = {value: sum(weights[p] for p in profiles) for value, profiles in groups.items()}
    best = max(counts, key=lambda value: counts[value])
    return (best,) if 2 * counts[best] > sum(counts.values()) else ()


def _odd(split: _Split) -> Iterator[int]:
    for value, profiles in split.groups.items():
        if split.reference and value != split.reference[0]:
            yield from profiles


def _shown(
    collected: Collected, splits: Sequence[_Split], names: Mapping[int, list[str]]
) -> Iterator[Difference]:
    """Of many things that differ between the same nodes, some are shown and the others named."""
    together: dict[tuple[int, ...], list[_Split]] = {}
    for split in splits:
        together.setdefault(split.signature, []).append(split)
    for alike in together.values():
        rest = [split.name for split in alike[_APART:]]
        for number, split in enumerate(alike[:_APART]):
            shown = _difference(collected, split, names)
            if rest and number == _APART - 1:
                shown = replace(shown, also=rest[:_NAMED], also_count=len(rest))
            yield shown


def _difference(collected: Collected, split: _Split, names: Mapping[int, list[str]]) -> Difference:
    nodes = {v: [n for p in profiles for n in names[p]] for v, profiles in split.groups.items()}
    ordered = sorted(
        nodes, key=lambda v: (v not in split.reference, -len(nodes[v]), v is None, v or "")
    )
    values = [
        FleetValue(
            value=value,
            nodes=fold(nodes[value]),
            count=len(nodes[value]),
            reference=value in split.reference,
            names=tuple(nodes[value]),
        )
        for value in ordered[:_VALUES]
    ]
    return Difference(
        section=split.section,
        name=split.name,
        values=values,
        compared=bool(split.reference),
        usual=split.reference[0] if split.reference else None,
        note=_note(collected, split, nodes),
        code=drift_code(split.section, split.name),
    )


def _note(
    collected: Collected, split: _Split, nodes: Mapping[str | None, Sequence[str]]
) -> str | None:
    told = list(_notes(collected, split, nodes))
    return "; ".join(told) or None


def _notes(
    collected: Collected, split: _Split, nodes: Mapping[str | None, Sequence[str]]
) -> Iterator[str]:
    if len(nodes) > _VALUES:
        yield f"{len(nodes) - _VALUES} further values"
    if split.reference and split.reference[0] not in nodes:
        yield f"reference: {split.reference[0] or 'absent'}"
    if not split.reference:
        alone = len(nodes) > 2 and all(len(names) == 1 for names in nodes.values())
        yield "another on every node" if alone else "no majority"
    if split.section == "libraries" and (owner := _owner(collected, split.name)):
        said = set(_versions(collected, owner))
        if len(said) == 1:
            yield f"by its metadata {owner} {said.pop()} everywhere"


def _versions(collected: Collected, name: str) -> Iterable[str]:
    for variant in collected.variants["distributions"]:
        if name in variant:
            yield variant[name]
