"""macOS: whose library its loader does not find."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import brought_as

_BREW = re.compile(r"/(?:opt/homebrew|usr/local)/opt/(?P<formula>[\w.@+-]{1,60})/")
_PACKAGE = re.compile(r"(?:site|dist)-packages/(?P<name>[A-Za-z]\w{1,60})[/.]")


def library(explanation: Explanation, hit: Hit) -> Explanation:
    """Homebrew's formula, or the package that was being loaded."""
    path = explanation.captures.get("path", "")
    if brew := _BREW.match(path):
        return explanation.but(
            do=f"`brew install {brew['formula']}` (where it is there, `brew reinstall {brew['formula']}`); or a release of the "
            "package that brings the library itself."
        )
    found = _PACKAGE.search(hit.shown) or _PACKAGE.search(hit.after[:600])
    if found is None:
        return explanation
    name = brought_as(found["name"])
    return explanation.but(
        do=f"Reinstall {name} with its companions at one release (`python -m pip install --force-reinstall --no-cache-dir {name}`); "
        "where its newest release lacks the file, take the one before."
    )
