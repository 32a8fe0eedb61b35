"""What `python -c` prints, as far as it can be told."""

from __future__ import annotations

import ast
from typing import Any

from gpufix.frozen import Frozen
from gpufix.source.builds import python_formats as formats
from gpufix.source.builds.python_choices import Choices
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.setup_calls import BuildSetup
from gpufix.source.builds.setup_py import follow
from gpufix.source.builds.world import BuildWorld
from gpufix.source.python.import_values import Frame
from gpufix.source.python.tree import NotPython, parsed

_CODE = "<string>"
_LONGEST = 4000  # characters of the code and of what it prints


class Printed(Frozen):
    """What a program printed; `fails`: it ended with an exception."""

    text: str
    fails: bool


def prints(code: str, world: BuildWorld) -> str | None:
    """The output; None where it fails, or only a run would tell."""
    found = printed(code, world)
    return None if found is None or found.fails else found.text


def printed(code: str, world: BuildWorld) -> Printed | None:
    """The output and how it ends; None where only a run would tell."""
    if len(code) > _LONGEST:
        return None
    try:
        tree = parsed(code)
    except NotPython:
        return None
    run = _Printing(world, _CODE, Choices(), {f"{world.root}/{_CODE}": tree})
    ending = follow(run)
    if ending.state not in ("done", "error") or run.choices.order:
        return None
    return Printed("".join(run.printed)[:_LONGEST], ending.state == "error")


class _Printing(BuildSetup):
    """Keeps what is printed."""

    def __init__(
        self, world: BuildWorld, path: str, choices: Choices, trees: dict[str, ast.Module]
    ) -> None:
        super().__init__(world, path, choices, trees)
        self.printed: list[str] = []

    def outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of what is not followed."""
        if name == "print" and "file" not in named:
            end, between = named.get("end", "\n"), named.get("sep", " ")
            known = isinstance(end, str) and isinstance(between, str)
            text = (between.join(map(formats.text_of, args)) + end) if known else UNKNOWN_PART
            self.printed.append(text)
            return None
        if name == "sys.stdout.write":
            self.printed.append(formats.text_of(args[0]) if args else "")
            return None
        return super().outside(name, args, named, frame)
