"""A tool under test: how it is installed and asked, and what counts as naming a cause.

``adapters/NAME.toml`` holds it; README.md explains every key. A tool's answer is cut into blocks
(the items of a JSON answer, or paragraphs of text); a block names a cause when a phrase of the
rubric matches it. Every match is kept in the results.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from clinic.case import HERE, BadCase, Case, Kind, Strict, pattern, taxonomy, toml
from clinic.patient import Answer, Failed, Patient
from clinic.wheels import cache, uv

ADAPTERS = HERE / "adapters"
INSIDE = "import runpy, sys; sys.path.append({packages!r}); sys.argv = sys.argv[1:]; " + (
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


class Commands(Strict):
    """Placeholders as in a recipe, and {tool} {gpu}: a part with {gpu} comes once for each GPU."""

    diagnose: tuple[str, ...] = ()
    foresee: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    within: tuple[str, ...] = ()  # after a repair, checks run within it: a tool's own variables


class Phrases(Strict):
    name: str  # a cause of the taxonomy
    any: list[str] = Field(min_length=1)  # regular expressions

    @field_validator("any")
    @classmethod
    def readable(cls, value: list[str]) -> list[str]:
        return [pattern(text) for text in value]


class Reading(Strict):
    """How an answer is read."""

    format: Literal["json", "text"] = "text"
    items: tuple[str, ...] = ()  # json: dotted paths to lists of items, "*" for every member
    block: str = r"\n"  # text: what separates blocks
    alarm: str  # a block that says: this is broken
    warning: str = r"(?!)"  # a block that says less; it may name a cause, and is no false alarm
    machine: tuple[str, ...] = ()  # true of any machine without a GPU: neither cause nor alarm

    @field_validator("block", "alarm", "warning")
    @classmethod
    def readable(cls, value: str) -> str:
        return pattern(value)


class Adapter(Strict):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    home: str
    about: str  # what it is for, in a sentence, and what it does not claim to do
    install: tuple[str, ...] = ()  # requirements of the tool's own environment
    source: str = ""  # or a folder of the repository, installed as it is: "."
    inside: bool = False  # run by the patient's Python, as a tool that must be installed in it
    oldest: str = Field(default="3.0", pattern=r"^3\.\d+$")  # inside: the Python that it needs
    run: Commands
    reading: Reading
    cause: tuple[Phrases, ...] = ()


@dataclass(frozen=True)
class Block:
    """A piece of an answer: what it says, whether it is an alarm, the causes that it names."""

    text: str
    alarm: bool
    warning: bool
    causes: dict[str, str]  # name: the words that matched


def adapters(names: list[str] | None = None) -> list[Adapter]:
    chosen = [load(path) for path in sorted(ADAPTERS.glob("*.toml"))]
    if unknown := set(names or ()) - {a.name for a in chosen}:
        raise BadCase(f"no adapter is called {', '.join(sorted(unknown))}")
    return [a for a in chosen if not names or a.name in names]


def load(path: Path) -> Adapter:
    try:
        made = Adapter(**toml(path))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise BadCase(f"{path}: " + "; ".join(lines)) from None
    known = taxonomy()
    for phrases in made.cause:
        if phrases.name not in {**known.environment, **known.tree}:
            raise BadCase(f"{path}: taxonomy.toml has no cause {phrases.name!r}")
    return made


def fits(tool: Adapter, case: Case) -> bool:
    """Whether the tool can be asked: one that is run inside needs a Python that it supports."""
    have, needed = (int(version.split(".")[1]) for version in (case.python, tool.oldest))
    return not tool.inside or have >= needed


def python(tool: Adapter, case: Case) -> str:
    """The Python that the tool's own environment is for: one that is run inside has the patient's."""
    return case.python if tool.inside else sys.executable


def installed(tool: Adapter, version: str) -> Path:
    """The tool's own environment; made once a version of the tool, and of Python if inside."""
    mine = f"-py{version}" if tool.inside else ""
    place = cache() / "tools" / f"{tool.name}-{tool.version}{mine}"
    done = place / "clinic-done"
    if done.exists() and not tool.source:
        return place
    what = [str((HERE.parent / tool.source).resolve())] if tool.source else tool.install
    commands = [["venv", "--quiet", "--clear", "--python", version, str(place)]]
    if what:
        where = str(place / "bin" / "python")
        commands.append(["pip", "install", "--quiet", "--python", where, "pip", *what])
    for command in commands:
        process = subprocess.run(
            [uv(), *command], check=False, capture_output=True, text=True, errors="replace"
        )
        if process.returncode:
            raise Failed(f"{tool.name} could not be installed:\n{process.stderr}")
    done.touch()
    return place


def command(parts: Sequence[str], tool: Adapter, place: Path, case: Case) -> list[str]:
    """A command of the adapter for a case; the patient's own placeholders stay."""
    whole: list[str] = []
    for part in parts:
        filled = part.replace("{tool}", str(place))
        whole += [filled.replace("{gpu}", g) for g in case.gpu] if "{gpu}" in filled else [filled]
    if not tool.inside:
        return whole
    packages = next((place / "lib").glob("python*/site-packages"))
    return ["{python}", "-c", INSIDE.format(packages=str(packages)), *whole]


def asked(tool: Adapter, place: Path, case: Case, patient: Patient, limit: float) -> Answer | None:
    """What the tool says of a patient; None for a track that it has no command for."""
    parts = tool.run.foresee if case.kind is Kind.tree else tool.run.diagnose
    return patient.ask(command(parts, tool, place, case), limit=limit) if parts else None


def blocks(tool: Adapter, output: str) -> list[Block]:
    """An answer, cut and read."""
    texts = _items(tool, output) if tool.reading.format == "json" else None
    if texts is None:
        texts = [t for t in re.split(tool.reading.block, output) if t.strip()]
    return [b for text in texts if (b := _block(tool, text))]


def _block(tool: Adapter, text: str) -> Block | None:
    if any(re.search(p, text) for p in tool.reading.machine):
        return None
    causes: dict[str, str] = {}
    for phrases in tool.cause:
        for phrase in phrases.any:
            if match := re.search(phrase, text):
                causes.setdefault(phrases.name, match[0][:200])
    alarm = bool(re.search(tool.reading.alarm, text))
    return Block(text, alarm, alarm or bool(re.search(tool.reading.warning, text)), causes)


def _items(tool: Adapter, output: str) -> list[str] | None:
    """The items of a JSON answer as text; None when no line begins one.

    Warnings of the patient's packages may stand before it, with brackets of their own."""
    paths = [path.split(".") for path in tool.reading.items]
    items: list[str] | None = None
    for match in re.finditer(r"(?m)^[{\[]", output):
        try:
            whole, _ = json.JSONDecoder().raw_decode(output, match.start())
        except ValueError:
            continue
        if any(first == "*" or (isinstance(whole, dict) and first in whole) for first, *_ in paths):
            found = [item for path in paths for item in _along(whole, path)]
            return [json.dumps(item, ensure_ascii=False) for item in found]
        items = []
    return items


def _along(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield from value if isinstance(value, list) else [value]
    elif path[0] == "*":
        members = value.values() if isinstance(value, dict) else value
        for member in members if isinstance(members, list) or hasattr(members, "__iter__") else ():
            yield from _along(member, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _along(value[path[0]], path[1:])
