"""Versions of tools, from file names where they tell, else by running the tool once."""

from __future__ import annotations

import re
from pathlib import Path

from gpufix.facts.child import ChildError, run
from gpufix.facts.context import Context
from gpufix.facts.files import text
from gpufix.facts.programs import shown

_TIME_LIMIT = 2.0  # seconds
_IN_NAME = re.compile(r"-(\d+(?:\.\d+)*)$")


class Versions:
    """Remembers what each program said: gcc, cc and gcc-12 are mostly one file."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: dict[str, str | None] = {}

    def compiler(self, name: str, real: Path) -> str | None:
        """ "12.2.0", or "12" for a compiler that only its numbered name leads to."""
        # One release's gcc and g++ lie side by side and report the same version.
        key = str(real).replace("g++", "gcc").replace("clang++", "clang")
        if key not in self._known:
            numbered = _IN_NAME.search(name)
            if numbered:
                return numbered[1]
            self._known[key] = _of_clang(real) or self._run(real)
        return self._known[key]

    def cmake(self, real: Path) -> str | None:
        """ "3.25", from the folder of modules beside it; starting cmake takes tens of ms."""
        shares = {
            p.name[len("cmake-") :] for p in (real.parent.parent / "share").glob("cmake-[0-9]*")
        }
        return shares.pop() if len(shares) == 1 else None

    def _run(self, real: Path) -> str | None:
        clang = "clang" in real.name
        flags = ["-dumpversion"] if clang else ["-dumpfullversion", "-dumpversion"]
        try:
            answer = run([str(real), *flags], self._ctx.environ, _TIME_LIMIT)
        except ChildError as error:
            self._ctx.gap("tools", shown(self._ctx, real), error)
            return None
        found = re.fullmatch(r"\d+(\.\d+)*", text(answer.out).strip())
        return found[0] if found else None


def _of_clang(real: Path) -> str | None:
    """clang's resource folder is named after its version; starting clang links a 100 MB library."""
    if "clang" not in real.name:
        return None
    folders = [p.name for p in (real.parent.parent / "lib" / "clang").glob("[0-9]*")]
    return folders[0] if len(folders) == 1 else None
