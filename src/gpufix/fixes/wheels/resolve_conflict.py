"""Move versions so that a known or declared conflict is gone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.version import Version

from gpufix.evidence import conda
from gpufix.evidence.declared import spelled, with_row
from gpufix.evidence.requirements import Requirements, parse, version_of
from gpufix.evidence.view import View
from gpufix.fixes.pins import extras_of, from_address, immovable, no_numpy
from gpufix.fixes.registry import fix
from gpufix.knowledge import cuda, families, listings, name_spans, standard_library
from gpufix.knowledge.data_table import table
from gpufix.model import Advise, Distribution, Finding, Install, Plan, Skip
from gpufix.model.payload import (
    AbsentDepends,
    AbsentModule,
    KnownConflict,
    NoneOfSeveral,
    UnmetRequirements,
)
from gpufix.model.source_payload import ConflictingPins
from gpufix.text.names import normalise


@fix("resolve-conflict", "WHL506")
def resolve_conflict(finding: Finding, view: View) -> Plan | Skip | None:
    """A known conflict: its first remedy. A declared one: the versions that are declared.

    For an import of a module that an installed package has no more: a later release of what imports it,
    where one is listed. Of a module that nothing brings: the listed distribution of that name.

    What conda's packages depend on is conda's to install: its command.
    """
    payload, reason = finding.payload, None
    if isinstance(payload, NoneOfSeveral):
        return None  # choose-one-of
    if isinstance(payload, AbsentDepends):
        return _by_conda(finding, payload, view)
    wanted: Sequence[str] = ()
    if isinstance(payload, AbsentModule):
        return _bringing(finding, payload, view)
    elif isinstance(payload, ConflictingPins):
        reason = "which of its pins a file gives up is for its author to say"
    elif isinstance(payload, KnownConflict):
        there = [r for r in payload.remedies if all(_has_release(one, view) for one in r)]
        wanted = _joined(view, _best(view, there))
        if not there and payload.remedies:
            lost = " or ".join(", ".join(r) for r in payload.remedies)
            reason = f"no listed release is {lost}"
    else:
        unmet = finding.payload_as(UnmetRequirements)
        dist = view.dist(unmet.distribution)
        wanted = _joined(view, [_beside(dist, row.wanted) for row in unmet.unmet])
        reason = _blocked(unmet, view)
    if not wanted:
        reason = reason or "no set of versions is known that satisfies all"
    if reason:
        return finding.skip("resolve-conflict", reason)
    moved = [row for row in wanted if (r := parse(row)) and view.dist(normalise(r.name))]
    return finding.plan(
        "resolve-conflict",
        # What is merely absent can be added without moving anything that somebody chose.
        "unsafe" if moved else "safe",
        f"install {', '.join(wanted)}",
        Install(
            install=list(wanted),
            dependencies=True,
            freeze=isinstance(payload, KnownConflict) and not moved,
        ),
    )


def _bringing(finding: Finding, absent: AbsentModule, view: View) -> Plan | Skip:
    """What a package has no more: a later release of what asks for it, at which nothing else moves. Of a
    module that nothing brings: the listed distribution of its name."""
    dist, top = view.dist(absent.distribution), normalise(absent.module.partition(".")[0])
    wanted, tried = None, bool(dist and _may_be_later(dist, absent))
    further: list[str] = []
    python = view.facts.python.version if view.facts.python else ""
    if absent.of is None and standard_library.is_lost(absent.module, python):
        wanted = _for_python(dist, absent)
    elif absent.of is None and (row := families.gone(absent.module)):
        return moved_partner(
            "resolve-conflict",
            finding,
            f"{row.distribution}{row.releases}",
            view,
            f"which has {row.module}",
        )
    elif absent.of is None and (other := families.moved(absent.module.partition(".")[0])):
        wanted = other.to
    elif absent.of is None and _is_listed(top):
        wanted = top
    elif absent.of is None and (named := _named_here(dist, absent.module, view)):
        wanted, further = named, _further(dist, absent, view)
    elif absent.of and dist and immovable(dist) is None and (has_later(dist) or tried):
        wanted = f"{dist.name}>{dist.version}"
    if wanted is None:
        lost = absent.of or f"a package with {absent.module}"
        reason = f"which releases of {absent.distribution} and {lost} go together is not known here"
        if dist and absent.of and families.releases(dist.name):
            reason = f"no release of {dist.name} after {dist.version} is listed"
        return finding.skip("resolve-conflict", reason, subject=absent.distribution)
    moves = dist is not None and wanted.startswith(f"{dist.name}>")
    return finding.plan(
        "resolve-conflict",
        "unsafe" if moves else "safe",
        f"install {', '.join([wanted, *further])}"
        + (", if there is one" if moves and tried else ""),
        Install(install=_joined(view, [wanted, *further]), dependencies=True, freeze=True),
        subjects=[absent.distribution],
    )


def _named_here(dist: Distribution | None, module: str, view: View) -> str | None:
    """The distribution of a module, where some row here names it, an extra's too: the package's own, else any other's."""
    top = module.partition(".")[0]
    name = normalise(str(table("import_names")["names"].get(top, top)))
    for one in (*([dist] if dist else ()), *view.facts.distributions):
        rows = (row for text in one.requires if (row := parse(text)) and not row.url)
        if row := next((row for row in rows if normalise(row.name) == name), None):
            return f"{name}{row.specifier}" if one is dist else name
    return None


def _further(dist: Distribution | None, absent: AbsentModule, view: View) -> list[str]:
    """The distributions of the other modules that are lacked, where some row here names them."""
    return [row for name in absent.further if (row := _named_here(dist, name, view))]


def _for_python(dist: Distribution | None, absent: AbsentModule) -> str | None:
    """setuptools brings distutils; for all else a later release, with what others may ask of it."""
    if absent.module.partition(".")[0] == "distutils":
        return "setuptools"
    if dist is None or immovable(dist) or not (has_later(dist) or _may_be_later(dist, absent)):
        return None
    kept = (row.releases for row in families.lost_by(dist.name))
    return f"{dist.name}>{','.join([dist.version, *kept])}"


def _may_be_later(dist: Distribution, absent: AbsentModule) -> bool:
    """Whether a later release is worth a try: no list of releases is kept here, and nothing is recorded of the name."""
    top, name = absent.module.partition(".")[0], absent.module.rpartition(".")[2]
    recorded = families.gone_name(absent.module) or name_spans.span(top, name)
    unlisted = not families.releases(dist.name) and listings.key(dist.name) is None
    return unlisted and not recorded and dist.source == "pip" and not dist.direct_url


def has_later(dist: Distribution) -> bool:
    """Whether a release after the installed one is listed."""
    newest, installed = next(iter(families.releases(dist.name)), None), version_of(dist.version)
    if newest is None:
        return listings.key(dist.name) is not None
    return installed is not None and installed < Version(newest)


def moved_partner(
    fix: str, finding: Finding, wanted: str, view: View, why: str, sought: str | None = None
) -> Plan | Skip:
    """Another release of the package that is asked in vain, where nobody else minds. `sought`: see Install."""
    name = normalise(re.split(r"[<>=~]", wanted)[0])
    subject = finding.payload_as(AbsentModule).distribution
    dist, everybody = view.dist(name), with_row(view, wanted)
    reason = everybody.conflict or (immovable(dist) if dist else None)
    if reason:
        return finding.skip(fix, reason, subject=subject)
    return finding.plan(
        fix,
        "unsafe" if dist else "safe",
        f"install {wanted}, {why}",
        Install(
            install=[everybody.spelled(), *_made_for(dist, view)],
            dependencies=True,
            freeze=True,
            sought=sought,
        ),
        subjects=[subject],
    )


def _made_for(dist: Distribution | None, view: View) -> list[str]:
    """What a package requires up to a release: jax and jaxlib move together, or not at all."""
    if dist is None:
        return []
    rows = [row for user, row in view.derive(Requirements.of).rows if user.name == dist.name]
    ends = (row for row in rows if any(s.operator[0] in "<=~" for s in row.specifier))
    names = dict.fromkeys(normalise(row.name) for row in ends)
    others = ((name, view.dist(name)) for name in names if name != "torch")
    return [name for name, other in others if other and immovable(other) is None]


def _has_release(wanted: str, view: View) -> bool:
    """Whether the newest listed release is late enough; lists leave out the oldest ones, so no more is told."""
    if no_numpy(wanted, view):
        return False
    row = parse(wanted)
    newest = next(iter(families.releases(row.name)), None) if row else None
    if row is None or newest is None:
        return True
    least = (s.version.removesuffix(".*") for s in row.specifier if s.operator[0] in ">=~")
    return all(Version(one) <= Version(newest) for one in least)


def _is_listed(name: str) -> bool:
    return bool(families.releases(name)) or listings.key(name) is not None


def _best(view: View, remedies: Sequence[Sequence[str]]) -> Sequence[str]:
    """The first that moves nothing out of what others require; else the first: others move, too."""
    agreeing = (r for r in remedies if all(with_row(view, text).conflict is None for text in r))
    return next(agreeing, next(iter(remedies), ()))


def _beside(dist: Distribution | None, wanted: str) -> str:
    """Wheels of the CUDA toolkit require each other without a version: the one of the same toolkit."""
    same = cuda.beside(dist.name, dist.version, wanted) if dist else None
    return same or wanted


def _joined(view: View, wanted: Sequence[str]) -> list[str]:
    """With what others declare of the same, where some version can satisfy all; their extras always."""
    found = []
    for text in wanted:
        everybody, row = with_row(view, text), parse(text)
        if row is None or not everybody.conflict:
            found.append(everybody.spelled() if row else text)
        else:
            extras = extras_of(view, everybody.name)
            found.append(spelled(everybody.name, extras | row.extras, str(row.specifier)))
    return list(dict.fromkeys(found))


def _by_conda(finding: Finding, absent: AbsentDepends, view: View) -> Plan:
    return finding.plan(
        "resolve-conflict",
        "manual",
        f"have conda install {', '.join(absent.specs)}",
        Advise(
            text=f"{absent.package} is conda's, and so is what it depends on.",
            command=conda.add(view.facts, absent.specs),
        ),
        subjects=[absent.package],
    )


def _blocked(declared: UnmetRequirements, view: View) -> str | None:
    """Why what is declared is not an index's to bring."""
    owner = view.dist(declared.distribution)
    if owner is not None and owner.source == "conda":
        return f"{owner.name} was installed by conda, which brings what it needs"
    direct = [row.name for row in declared.unmet if row.direct]
    return from_address(direct[0]) if direct else None
