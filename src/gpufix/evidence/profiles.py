"""Lines of shell profiles that set a variable to the value that is in force."""

from __future__ import annotations

import re

from gpufix.evidence.view import View
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.shell_run import run
from gpufix.source.builds.world import BuildWorld

_WHERE = re.compile(r"[^:]*:\d+: ")


def setting_lines(view: View, name: str) -> list[str]:
    """Where the value comes from, as facts have it; what a line sets may be known in part."""
    value = view.env(name)
    if value is None:
        return []
    lines = view.facts.environment.profile.get(name, [])
    return [line for line in lines if _may_be(_set_by(_WHERE.sub("", line, count=1), name), value)]


def _may_be(found: str | None, value: str) -> bool:
    if found is None or UNKNOWN_PART not in found:
        return found == value
    parts = map(re.escape, found.split(UNKNOWN_PART))
    return len(found) < 1000 and found.count(UNKNOWN_PART) < 3 and bool(
        re.fullmatch(".*".join(parts), value, re.DOTALL)
    )  # fmt: skip


def _set_by(line: str, name: str) -> str | None:
    """What a line of a profile sets a variable to; None: it sets it to nothing known."""
    words = line.split()
    if words[:1] == ["set"] and name in words:  # fish
        return " ".join(words[words.index(name) + 1 :]).strip("'\"")
    done = run(
        line, "profile", BuildWorld(root="/", files=_Nobody(), environment={name: UNKNOWN_PART})
    )
    return next((row.value for row in reversed(done.writes) if row.name == name), None)


class _Nobody:
    """Files of which nobody knows."""

    def text(self, path: str) -> str | None:
        """Unknown."""
        return None

    def exists(self, path: str) -> bool | None:
        """Unknown."""
        return None

    def names_in(self, folder: str) -> list[str] | None:
        """Unknown."""
        return None

    def is_folder(self, path: str) -> bool | None:
        """Unknown."""
        return None
