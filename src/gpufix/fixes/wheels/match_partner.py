"""Install the release of a part that goes with its partner."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet

from gpufix.evidence.families import Mismatch, Mismatches, edition, needs
from gpufix.evidence.requirements import Requirements, version_of
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.model import Distribution, Finding, Install, Plan, Skip
from gpufix.model.payload import MismatchedPair


@fix("match-partner", "WHL508")
def match_partner(finding: Finding, view: View) -> Plan | Skip | None:
    """The published release for the partner; where there is none, what can be done without goes."""
    if not isinstance(finding.payload, MismatchedPair):
        return None
    found = view.derive(Mismatches.of).between(finding.payload.one, finding.payload.other)
    if found is None:
        return None
    mover, anchor = _roles(found, view)
    wanted, title = _wanted(found, mover, anchor), f"which goes with {anchor.name} {anchor.version}"
    reason = immovable(mover)
    if reason is None and wanted is None and not (found.pair.optional and mover is found.one):
        listed = "no listing of its releases is known here"
        if families.releases(mover.name):
            listed = "the listing known here has none"
        reason = f"of {mover.name} for {anchor.name} {anchor.version}, {listed}"
    if reason:
        return finding.skip("match-partner", reason)
    if wanted is None:
        step = Install(uninstall=[mover.name])
        title = f"remove {mover.name} {mover.version}, which is optional: none for {anchor.version} is listed"
    else:
        step = Install(install=[wanted, *_followers(mover.name, wanted, view)])
        title = f"install {', '.join(step.install)}, {title}"
    return finding.plan("match-partner", "unsafe", title, step)


def _roles(found: Mismatch, view: View) -> tuple[Distribution, Distribution]:
    """Which moves, and to which it is matched: what others ask for as it is stays, if one can."""
    one, other = found.one, found.other
    mover, anchor = (other, one) if found.pair.moves == "other" else (one, other)
    if found.pair.agree not in ("release", "minor"):
        return mover, anchor
    unmet = {(u.dist.name, u.name) for u in view.derive(Requirements.of).unmet}
    unwanted = {name for user, name in unmet if user not in (mover.name, anchor.name)}
    swap = anchor.name in unwanted and mover.name not in unwanted
    return (anchor, mover) if swap else (mover, anchor)


def _wanted(found: Mismatch, mover: Distribution, anchor: Distribution) -> str | None:
    """The requirement to install; None where no published release is known to agree."""
    published = families.releases(mover.name)
    if found.pair.agree in ("release", "prefix"):
        meant = version_of(anchor.version)
        same = (v for v in published if meant and _edition(v) == edition(meant))
        exact = next(same, None)
    elif found.pair.agree == "declared":
        if not published:  # what its publisher declares needs no listing
            return f"{mover.name}{found.needed}"
        within = SpecifierSet(found.needed)
        exact = next((v for v in published if within.contains(v)), None)
    elif found.pair.agree == "floor":
        exact = found.needed.removeprefix(">=")
    elif found.pair.agree == "table":
        exact = next((v for v in published if _goes(found, mover, v)), None)
    else:
        meant = version_of(anchor.version)
        return f"{mover.name}=={meant.major}.{meant.minor}.*" if meant else None
    return f"{mover.name}=={exact}" if exact else None


def _goes(found: Mismatch, mover: Distribution, version: str) -> bool:
    """Whether a version of what moves goes with the other one, by the table."""
    one, other = (version, found.other.version)
    if mover is found.other:
        one, other = found.one.version, version
    return SpecifierSet(needs(found.pair, one)).contains(other)


def _edition(text: str) -> tuple[object, ...] | None:
    parsed = version_of(text)
    return edition(parsed) if parsed else None


def _followers(mover: str, wanted: str, view: View) -> list[str]:
    """The parts that must be of the mover's release, and move along."""
    _, _, version = wanted.partition("==")
    found: list[str] = []
    for pair in families.pairs():
        dist = view.dist(pair.one)
        if pair.other != mover or pair.agree != "release" or dist is None:
            continue
        listed = [v for v in families.releases(pair.one) if v == version]
        if listed and dist.version != version:
            found += [f"{pair.one}=={version}", *_followers(pair.one, f"=={version}", view)]
    return found
