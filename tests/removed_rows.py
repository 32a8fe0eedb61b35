"""The rows of knowledge/removed_cxx.toml as sources that use what is gone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).parents[1] / "knowledge" / "removed_cxx.toml"
_SHOWN = {"header": "<{}>", "arguments": "{}(…)", "trailing": "{}(…)", "template": "{}<…>"}


class Use(NamedTuple):
    """A source, and the name in it. `fixed`: whether the table knows what to put there."""

    name: str
    kind: str
    gone: str
    fixed: bool
    text: str

    @property
    def includes(self) -> list[str]:
        """Its #include lines."""
        return [line for line in self.text.splitlines() if line.startswith("#include")]

    @property
    def body(self) -> str:
        """The rest of it."""
        lines = self.text.splitlines()
        return "\n".join(line for line in lines if not line.startswith("#include"))


def every() -> list[Use]:
    """One for each text that a row has; a row with more texts than names is of its last name."""
    return [use for row in tomllib.loads(FILE.read_text("utf-8"))["removed"] for use in _uses(row)]


def _uses(row: dict[str, Any]) -> list[Use]:
    fixed = any(key in row for key in ("becomes", "now", "attribute", "wrap"))
    shown = [_SHOWN.get(row["kind"], "{}").format(name) for name in row["names"]]
    names = [*shown, *[shown[-1]] * len(row.get("use", ()))]
    return [
        Use(name, row["kind"], row["gone"], fixed, text)
        for name, text in zip(names, row.get("use", ()), strict=False)
    ]
