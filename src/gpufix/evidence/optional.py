"""Optional packages of a later release than a package's own extra admits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.requirements import Requirement

from gpufix.evidence.requirements import Requirements, Unmet, holds, parse, series, version_of
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.model import Distribution
from gpufix.text.names import normalise

_FRAMEWORKS = frozenset({"torch", "jax", "jaxlib", "tensorflow", "tensorflow-cpu"})
_EXTRA = re.compile(r"\bextra\s*==\s*['\"]([^'\"]+)['\"]")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
# What a project's own work needs: nobody has it to use the package.
_OF_WORK = re.compile(
    r"^all$|dev|test|doc|lint|quality|style|typing|bench|example|tutorial|release"
)


def outside(view: View) -> Iterator[tuple[str, Unmet]]:
    """An extra, and its requirement that is for earlier releases, of packages around the frameworks.

    Nobody asked for the extra; where one of its packages is here, it may be used all the same. Told is what is of a
    framework, too, and of a later series than the extra knows: bounds on tqdm and its like are mostly caution.
    """
    installed = {dist.name: dist for dist in view.facts.distributions}
    told = view.derive(Requirements.of)
    for dist in view.facts.distributions:
        rows = list(_rows(dist, installed, told))
        for name in dict.fromkeys(name for name, _, _ in rows):
            version = installed[name].version
            same = [(extra, row) for other, extra, row in rows if other == name]
            around = _is_around(installed[name])
            if around and all(_ends_before(row, version) for _, row in same):
                extra, row = same[0]
                yield extra, Unmet(dist, row, version)


def _ends_before(row: Requirement, version: str) -> bool:
    here = version_of(version)
    if here is None or holds(row, version):
        return False
    ends = [s for s in row.specifier if s.operator[0] in "<=~"]
    read = [(s.operator, end) for s in ends if (end := version_of(s.version.removesuffix(".*")))]
    # jax 0.5 is of a later series than <0.5 and than <=0.4.38 admit, transformers 4.57 of none later than <4.38.
    return any(
        series(here) > series(end) or (operator == "<" and end == series(here))
        for operator, end in read
    )


def _is_around(dist: Distribution) -> bool:
    """Whether it is a framework, or requires one, an extra's included."""
    named = {normalise(found[0]) for text in dist.requires if (found := _NAME.match(text))}
    return dist.name in families.names() or not _FRAMEWORKS.isdisjoint({dist.name, *named})


def _rows(
    dist: Distribution, installed: dict[str, Distribution], told: Requirements
) -> Iterator[tuple[str, str, Requirement]]:
    named = [normalise(found[0]) for text in dist.requires if (found := _NAME.match(text))]
    if _FRAMEWORKS.isdisjoint(named):
        return
    for text in dist.requires:
        found, extra = _NAME.match(text), _EXTRA.search(text)
        name = normalise(found[0]) if found else ""
        if extra is None or name not in installed or name in (dist.name, "torch"):
            continue
        if _OF_WORK.search(extra[1]) or (row := parse(text)) is None or not row.specifier:
            continue
        if told.applies(row, extra[1]):
            yield name, extra[1], row
