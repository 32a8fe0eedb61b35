"""What a setup.py gives to the cmake that it starts, by its abstract run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gpufix.evidence.builds import builds_of
from gpufix.evidence.source_view import absolute, setups_above
from gpufix.evidence.view import View
from gpufix.source.builds.run import UNKNOWN_PART

DEFINE = re.compile(r"-D\s*([A-Za-z_]\w*)(?::[A-Z]+)?=(\"[^\"]*\"|'[^']*'|\S*)")


def started(view: View, path: str) -> dict[str, str | None] | None:
    """The -D with which the setup.py above a folder configures it; None where its run does not tell."""
    found = started_by(view, path)
    return found[1] if found else None


def started_by(view: View, path: str, **changes: Any) -> tuple[str, dict[str, str | None]] | None:
    """The same, and that setup.py. changes: of the world.

    A value is None where ways through the file differ in it, or it is not known.
    """
    folder = path.rpartition("/")[0]
    project = view.facts.project
    paths = {source.path for source in project.sources} if project else ()
    source = absolute(view, folder).rstrip("/")
    for setup in setups_above(folder):
        if setup not in paths:
            continue
        calls = [each.arguments for each in builds_of(view).run(setup, **changes).started]
        mine = [c for c in calls if source in _configured_by(c)]
        if not mine or any(UNKNOWN_PART in word[:2] for call in mine for word in call):
            return None
        rows = [{m[1]: m[2] for word in call if (m := DEFINE.fullmatch(word))} for call in mine]
        names = dict.fromkeys(name for row in rows for name in row)
        return setup, {name: _same([row.get(name) for row in rows]) for name in names}
    return None


def _same(values: Sequence[str | None]) -> str | None:
    """The one value that all calls give; None where it is not known, or not in all of them."""
    first = values[0]
    return first if len({*values}) == 1 and first and UNKNOWN_PART not in first else None


def _configured_by(call: Sequence[str]) -> tuple[str, ...]:
    """The source folder of a cmake that configures: after -S, or by itself."""
    program = call[0].rpartition("/")[2] if call else ""
    if program != "cmake" or "--build" in call or "--install" in call:
        return ()
    after = [call[at + 1] for at, word in enumerate(call[:-1]) if word == "-S"]
    joined = [word[2:] for word in call[1:] if word.startswith("-S") and len(word) > 2]
    return (*after, *joined, *(word for word in call[1:] if not word.startswith("-")))
