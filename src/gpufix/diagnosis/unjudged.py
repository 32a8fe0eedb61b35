"""Whether there was anything to judge: silence is not health."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.knowledge import packages
from gpufix.model import Facts, Finding, Gap

NO_ENVIRONMENT = "no environment is active, and neither the project nor this folder has one"
NAME_ONE = "activate one, or name one with --python PATH"
_OF_SOURCES, _OF_PACKAGES = "SRC", ("ABI", "SYM", "WHL")
_OF_ENVIRONMENT = ("distributions", "conda", "torch", "binaries")


def unjudged(
    facts: Facts, gaps: Sequence[Gap], codes: Sequence[str] | None, found: Sequence[Finding] = ()
) -> str | None:
    """Why the rules that ran had nothing before them; None when they had, or could not look.

    codes: of the rules that ran; None where none is to run.
    """
    if codes is not None and not codes and not found:
        return "none of the selected rules judges an environment"
    if codes and all(code.startswith(_OF_SOURCES) for code in codes):
        sources = facts.project is not None and facts.project.sources
        return None if sources else "no source of a project is here: name the project's folder"
    unseen = {gap.section for gap in gaps}
    if facts.python is None:
        return None if "python" in unseen else f"{NO_ENVIRONMENT}: {NAME_ONE}"
    if _holds_something(facts) or not unseen.isdisjoint(_OF_ENVIRONMENT):
        return None
    if any(finding.code.startswith(_OF_PACKAGES) for finding in found):
        return None
    held = "neither a compiled library nor a package that a rule knows"
    return f"{facts.python.prefix} holds {held}: name another with --python PATH"


def _holds_something(facts: Facts) -> bool:
    if facts.torch or facts.binaries.scanned:
        return True
    return any(packages.known(dist.name) for dist in facts.distributions)
