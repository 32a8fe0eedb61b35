"""Names of CUDA, torch and Python packages that some release took away, and what replaces them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, source, table

Kind = Literal[
    "scoped", "call", "word", "header", "field", "regex", "arguments", "trailing", "template"
]


class Removed(Frozen):
    """One name that a release of CUDA, CCCL or torch took away; knowledge/removed_cxx.toml explains it.

    `pattern` is a regular expression for text without comments and literals, whose first group is
    the name; `trigger` occurs in every text that it can match. A row of CUDA and of numpy is gone from version
    `gone` on; a torch row is gone when `header` of the installed torch is, or lacks the word `needle`.
    """

    name: str
    owner: Literal["CUDA", "torch", "numpy"]
    kind: Kind
    pattern: str
    trigger: str
    source: str
    do: str
    gone: str = ""
    header: str = ""
    needle: str = ""
    becomes: str = ""  # what says the same on every release; "" = nothing that fits every use
    now: str = ""  # what says it from `gone` on
    includes: tuple[str, ...] = ()  # that `now` needs
    helper: str = ""  # text below the includes that `becomes` needs
    wrap: bool = False  # an include that only older releases are to see
    hip: bool = False  # HIP has it
    counts: tuple[int, ...] = ()  # of arguments that are refused
    device: int | None = None  # the position of an argument that was an int
    of: int | None = None  # among so many
    attribute: str = ""  # of the device, in place of a field

    @property
    def word(self) -> str:
        """What stands in every source that uses it: the last part of its name."""
        return (
            self.trigger if self.kind == "regex" else self.name.strip("<>(…)").rpartition("::")[2]
        )


@cache
def removed() -> dict[str, Removed]:
    """Every row by name. Changed calls and templates of a name that remains end with "(…)", "<…>"."""
    rows = table("removed_cxx")["removed"]
    return {row.name: row for given in rows for row in _each(given)}


def _each(given: dict[str, Any]) -> Iterator[Removed]:
    kind = given["kind"]
    for index, plain in enumerate(given["names"]):
        one = {
            key: values[index if len(values) > 1 else 0] if (values := given.get(key)) else ""
            for key in ("becomes", "now", "attribute")
        }
        pattern, trigger = _searched(kind, plain, given)
        yield Removed(
            _SHOWN.get(kind, "{}").format(plain),
            given.get("package") or ("torch" if given["gone"] == "torch" else "CUDA"),
            kind,
            pattern,
            trigger,
            given["source"],
            given["do"],
            gone=given["gone"],
            header=given.get("torch_header", ""),
            needle=given.get("torch_word", ""),
            includes=tuple(given.get("includes", ())),
            helper=table("removed_cxx")["helpers"].get(given.get("helper"), ""),
            wrap=given.get("wrap", False),
            hip=given.get("hip", False),
            counts=tuple(given.get("counts", ())),
            device=given.get("device"),
            of=given.get("of"),
            **one,
        )


_RARE = ("cub", "thrust")  # names that only files with something to say of hold
_SHOWN = {"header": "<{}>", "arguments": "{}(…)", "trailing": "{}(…)", "template": "{}<…>"}


def _searched(kind: Kind, name: str, given: dict[str, Any]) -> tuple[str, str]:
    """(pattern, trigger) of a row. A name stands first, so that the search for it is a quick one."""
    space, _, last = name.rpartition("::")
    first = rf"{space}(?<!\w{space})\s*::\s*{last}"
    match kind:
        case "scoped" if space in _RARE:
            return rf"({first})\b", space
        case "scoped":
            return rf"({name}(?<!\w{name}))\b", name
        case "template":
            return rf"({first})\s*<", space
        case "trailing":
            return rf"({first})\s*::\s*\w+\s*\(", space
        case "call" | "arguments":
            return rf"({name}(?<![\w.>]{name}))\s*\(", name
        case "word":
            return rf"({name}(?<!\w{name}))\b", name
        case "regex":
            return given["pattern"], given["trigger"]
    return "", name


@cache
def fields() -> dict[str, dict[str, Removed]]:
    """Structure -> its fields that are gone. They match on variables of that type only."""
    found: dict[str, dict[str, Removed]] = {}
    for row in removed().values():
        if row.kind == "field":
            owner, _, name = row.name.partition("::")
            found.setdefault(owner, {})[name] = row
    return found


class RemovedApi(Frozen):
    """Absent from `since` on, and before `until` when it came back. `instead`: an equal spelling.

    In `instead` the module's local name stands for {}.
    """

    name: str
    package: str
    since: str
    until: str | None
    instead: str | None
    source: str
    raises: bool = False  # kept, and only raises

    def absent(self, version: str) -> bool:
        """Whether a release of the package lacks the name."""
        gone = at_least(version, self.since)
        return gone and not (self.until is not None and at_least(version, self.until))


def get(name: str) -> RemovedApi | None:
    """The row of a dotted name ("numpy.float"); None for a name that is not in the table."""
    row = table("removed_names")["names"].get(name)
    if row is None:
        return None
    return RemovedApi(
        name,
        row["package"],
        row["since"],
        row.get("until"),
        row.get("instead"),
        source("removed_names", row["source"]),
        row.get("raises", False),
    )
