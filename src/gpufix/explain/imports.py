"""An import that fails: which package lacks the name, and which one asks for it."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import Hit

_FROM = re.compile(
    r"cannot import name ['\"`]?(?P<name>[\w.]{1,120})['\"`]? from (?:partially initialized module )?"
    r"['\"`]?(?P<module>[\w.]{1,200})|(?P<type>module) ['\"`](?P<owner>[\w.]{1,200})['\"`] has no "
    r"attribute ['\"`](?P<attribute>\w{1,120})|No module named ['\"`](?P<part>\w{1,80}(?:\.\w{1,80}){1,6})['\"`]"
)


def lacking_name(explanation: Explanation, hit: Hit) -> Explanation:
    """The remedy names both sides: the package without the name, and the one that asks for it."""
    found = _FROM.search(hit.shown)
    if found is None:
        return explanation
    module = found["module"] or found["owner"] or found["part"].rpartition(".")[0]
    name = found["name"] or found["attribute"] or found["part"].rpartition(".")[2]
    owner = _package(module)
    asker = _asker(hit, owner)
    return explanation.but(do=f"{_release(owner, name)}{_or_newer(asker, owner)}.")


def _release(owner: str, name: str) -> str:
    return (
        f"Install the {owner} release that has {name}: an older one where it was removed, a newer one "
        "where it came later"
    )


def _or_newer(asker: str | None, owner: str) -> str:
    if asker is None:
        return f". Where code of the project asks for it, the {owner} that its requirements name"
    return f"; or a release of {asker} that goes with the installed {owner}"


def _package(module: str) -> str:
    return module.partition(".")[0]


def _asker(hit: Hit, owner: str) -> str | None:
    """The innermost package of the traceback that is not the owner."""
    for frame in reversed(frames(context(hit, 8192, 0))):
        package = frame.package
        if package and package.removesuffix(".py") != owner:
            return package.removesuffix(".py")
    return None
