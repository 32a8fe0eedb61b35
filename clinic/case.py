"""A case: an environment or a source tree, what is wrong with it, and what proves that.

``cases/ID/case.toml`` holds it; README.md explains every key.
"""

from __future__ import annotations

import hashlib
import re
import sys
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
CASES = HERE / "cases"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def pattern(text: str) -> str:
    re.compile(text)
    return text


class Taxonomy(Strict):
    """Names of causes and remedies, each with its meaning in a sentence."""

    environment: dict[str, str]
    tree: dict[str, str]
    remedies: dict[str, str]


@cache
def taxonomy() -> Taxonomy:
    return Taxonomy(**toml(HERE / "taxonomy.toml"))


class Kind(str, Enum):
    environment = "environment"
    tree = "tree"


class Recipe(Strict):
    """How the patient is made. Placeholders: see ``patient.Patient.filled``."""

    wheels: str = ""  # a file of "name==version --hash=sha256:…" lines; every wheel, no resolution
    link: Literal["hardlink", "symlink", "copy"] = "hardlink"
    script: str = ""  # Python, make(patient): what breaks it or builds it
    folder: str = "venv"  # what the environment's folder is called, below the patient's
    project: str = ""  # a folder beside case.toml that becomes the patient's project
    environment: dict[str, str] = {}  # variables of everybody who looks at this patient
    needs: list[str] = []  # programs that must be on PATH: g++, nvcc, cuobjdump, cmake, …


class Truth(Strict):
    """A command that is not a tool under test, and what it says of the patient."""

    run: list[str] = Field(min_length=1)
    exit: int | Literal["fails"] = 0
    says: str = ""  # a regular expression that its output must match
    proves: str  # in a sentence


class Cause(Strict):
    name: str
    also: list[str] = []  # names that an expert would accept as well
    subject: list[str] = []  # regular expressions: what an answer must mention, one of them
    files: list[str] = []  # trees: the files where it lies, one of them must be named


class Never(Strict):
    """What must not be said of this patient."""

    causes: list[str] = []
    why: str = ""


class Remedy(Strict):
    names: list[str] = []  # of the taxonomy, any of them
    text: str
    check: list[list[str]] = Field(min_length=1)  # commands that all end with 0 once it is repaired
    touches: list[str] = []  # distributions, or globs below the prefix or the project


class Case(Strict):
    folder: Path = Field(exclude=True)
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    title: str
    kind: Kind
    healthy: bool = False
    family: str
    tags: list[str] = []
    source: str = Field(default="", pattern=r"^(https://\S+)?$")  # a public thread
    mechanism: str = ""  # or what documents it
    license: Literal["CC0-1.0"] = "CC0-1.0"
    frozen: date
    platform: Literal["linux-x86_64"] = "linux-x86_64"
    python: str = Field(default="3.11", pattern=r"^3\.\d+$")
    gpu: list[Annotated[str, Field(pattern=r"^(sm_\d+[af]?|gfx[0-9a-f]+)$")]] = []
    recipe: Recipe
    truth: list[Truth] = Field(min_length=1)
    cause: Cause | None = None
    never: Never = Never()
    remedy: Remedy | None = None

    @model_validator(mode="after")
    def whole(self) -> Case:
        """What no single field can say."""
        if not (self.source or self.mechanism):
            raise ValueError("a case names its thread (source) or what documents it (mechanism)")
        if self.healthy and (self.cause or self.remedy):
            raise ValueError("a healthy case has neither cause nor remedy")
        if not self.healthy and not self.cause:
            raise ValueError("a broken case names its cause")
        if self.kind is Kind.environment and not self.healthy and not self.remedy:
            raise ValueError("a broken environment says what a remedy must achieve")
        if self.kind is Kind.tree and not self.recipe.project:
            raise ValueError("a tree has a project")
        proofs = [t.exit != 0 or bool(t.says) for t in self.truth]
        if not self.healthy and not any(proofs):
            raise ValueError("no truth shows that it is broken")
        if self.healthy and any(t.exit != 0 for t in self.truth):
            raise ValueError("a command fails on a healthy case")
        self._names()
        return self

    def _names(self) -> None:
        known = taxonomy()
        causes = known.environment if self.kind is Kind.environment else known.tree
        named = [self.cause.name, *self.cause.also] if self.cause else []
        every = {**known.environment, **known.tree}
        for name in named:
            if name not in (every if name in (self.cause.also if self.cause else ()) else causes):
                raise ValueError(f"taxonomy.toml has no cause {name!r} of this kind")
        for name in self.never.causes:
            if name not in every:
                raise ValueError(f"taxonomy.toml has no cause {name!r}")
        for name in self.remedy.names if self.remedy else ():
            if name not in known.remedies:
                raise ValueError(f"taxonomy.toml has no remedy {name!r}")
        texts = [t.says for t in self.truth] + (self.cause.subject if self.cause else [])
        for text in texts:
            pattern(text)


class BadCase(ValueError):
    """A case that cannot be read: what and where."""


def toml(path: Path) -> dict[str, Any]:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise BadCase(f"{path}: {error}") from None
    return table


def load(folder: Path) -> Case:
    path = folder / "case.toml"
    try:
        case = Case(**toml(path) | {"folder": folder})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise BadCase(f"{path}: " + "; ".join(lines)) from None
    if case.id != folder.name:
        raise BadCase(f"{path}: id is {case.id!r}, the folder is called {folder.name!r}")
    for name in filter(None, (case.recipe.wheels, case.recipe.script, case.recipe.project)):
        if not (folder / name).exists():
            raise BadCase(f"{path}: there is no {name}")
    return case


def digest(folder: Path) -> str:
    """Of a case's content: names and bytes of its files, but for the truth log, which is remade."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != "truth.json" and "__pycache__" not in name:
            whole.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def cases(names: list[str] | None = None, root: Path = CASES) -> list[Case]:
    """Those of the names (an id, a family, a tag or a kind), else all, by id."""
    found = [load(path.parent) for path in sorted(root.glob("*/case.toml"))]
    if not names:
        return found
    chosen = [c for c in found if {c.id, c.family, c.kind.value, *c.tags} & set(names)]
    known = {n for c in found for n in (c.id, c.family, c.kind.value, *c.tags)}
    if unknown := sorted(set(names) - known):
        raise BadCase(f"no case, family, tag or kind is called {', '.join(unknown)}")
    return chosen
