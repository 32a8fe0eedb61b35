"""The environments of the verdict oracle: recipes, and what is installed in them."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_JUNK = frozenset(
    ["tests", "test", "docs", "doc", "examples", "example", "benchmarks", "benchmark", "scripts"]
)

_MOST = 20  # names that are imported of one distribution


@dataclass(frozen=True)
class Recipe:
    """One line of the list: steps of `uv pip`, parted by `;`, and settings after `|`."""

    line: str
    steps: tuple[tuple[str, ...], ...]
    python: str = "3.11"
    broken: int = 1  # how often this environment is broken, as a factor

    @property
    def id(self) -> str:
        names = "-".join(self.targets)[:40].strip("-") or "empty"
        return f"{names}-{hashlib.sha256(repr((self.steps, self.python)).encode()).hexdigest()[:6]}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The distributions that are asked for, in their normal form."""
        named: dict[str, None] = {}
        for word in (word for step in self.steps for word in step):
            if word.startswith("-") and not word.startswith("--"):
                named.pop(normal(word[1:]), None)
            elif found := _NAME.match(word):
                named[normal(found[0])] = None
        return tuple(named)


def recipes(text: str) -> list[Recipe]:
    """`numpy scipy ; torchvision --no-deps ; -pillow | python=3.12 broken=3`."""
    found = []
    for raw in text.splitlines():
        line = raw.split("#")[0].strip()
        if not line:
            continue
        steps, _, settings = line.partition("|")
        given = dict(word.split("=", 1) for word in settings.split())
        parted = tuple(tuple(step.split()) for step in steps.split(";"))
        broken = int(given.get("broken", "1"))
        found.append(Recipe(line, parted, given.get("python", "3.11"), broken))
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def make(folder: Path, recipe: Recipe) -> Path | None:
    """The venv of a recipe, made once; None where nothing of it can be installed."""
    venv = folder / recipe.id
    if (venv / "made").exists():
        return venv
    if (folder / f"{recipe.id}.failed").exists():
        return None
    shutil.rmtree(venv, ignore_errors=True)
    made = _uv("venv", "--python", recipe.python, str(venv))
    errors = [made.stderr]
    if made.returncode == 0:
        errors = [error for step in recipe.steps for error in _step(venv, step)]
    if made.returncode or not distributions(venv):
        (folder / f"{recipe.id}.failed").write_text("\n".join(errors))
        shutil.rmtree(venv, ignore_errors=True)
        return None
    (venv / "made").write_text("\n".join(errors))
    return venv


def _step(venv: Path, step: tuple[str, ...]) -> list[str]:
    """Carry one step out; requirements that do not go together are tried one by one."""
    gone = [word[1:] for word in step if word.startswith("-") and not word.startswith("--")]
    if gone:
        return _pip(venv, "uninstall", *gone)
    options = [word for word in step if word.startswith("--")]
    wanted = [word for word in step if not word.startswith("--")]
    errors = _pip(venv, "install", *options, *wanted)
    if not errors or len(wanted) == 1:
        return errors
    return [error for one in wanted for error in _pip(venv, "install", *options, one)]


def _pip(venv: Path, verb: str, *words: str) -> list[str]:
    """Wheels only: the corpus is what users get, and building takes hours."""
    wheels = ["--only-binary", ":all:"] if verb == "install" else []
    result = _uv("pip", verb, *wheels, "--python", str(venv / "bin/python"), *words)
    return [] if result.returncode == 0 else [" ".join(words) + ": " + result.stderr.strip()[-300:]]


def _uv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["uv", "--quiet", *words], capture_output=True, text=True)


@dataclass
class Distribution:
    """What one dist-info folder says."""

    name: str
    version: str
    files: list[str] = field(default_factory=list)  # relative to site-packages, dist-info left out
    requires: list[str] = field(default_factory=list)  # normal names, without a condition

    @property
    def libraries(self) -> list[str]:
        return [path for path in self.files if re.search(r"\.so(\.\d+)*$", path)]


def site_of(venv: Path) -> Path:
    return next((venv / "lib").glob("python*/site-packages"))


def distributions(venv: Path) -> dict[str, Distribution]:
    """By normal name, in alphabetical order."""
    found = {}
    for info in sorted(site_of(venv).glob("*.dist-info")):
        metadata = info / "METADATA"
        if not metadata.exists():
            continue
        head = metadata.read_text("utf-8", "replace").split("\n\n")[0]
        name = normal(_field(head, "Name")[0])
        found[name] = Distribution(name, _field(head, "Version")[0])
        needs = [text for text in _field(head, "Requires-Dist") if ";" not in text]
        found[name].requires = [normal(m[0]) for m in map(_NAME.match, needs) if m]
        if (info / "RECORD").exists():
            with (info / "RECORD").open(newline="", encoding="utf-8", errors="replace") as rows:
                paths = [row[0] for row in csv.reader(rows) if row]
            found[name].files = sorted(p for p in paths if _installed(p))
    return found


def _field(head: str, key: str) -> list[str]:
    return re.findall(rf"^{key}: *(.+?)\s*$", head, re.MULTILINE)


def _installed(path: str) -> bool:
    return not re.match(r"\.\./|[^/]+\.(dist-info|data)/|/", path) and "__pycache__" not in path


def modules(item: Distribution) -> list[str]:
    """The names to import: top-level ones; below a namespace the first that are packages.

    No more than _MOST: a namespace of hundreds is one package's inside.
    """
    tree: dict[str, set[str]] = {}
    for path in item.files:
        parts = path.split("/")
        for depth in range(len(parts)):
            tree.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
    return sorted(_below(tree, "", 0))[:_MOST]


def _below(tree: dict[str, set[str]], folder: str, depth: int) -> list[str]:
    names = []
    for entry in sorted(tree.get(folder, ())):
        path = f"{folder}/{entry}" if folder else entry
        stem, _, rest = entry.partition(".")
        if not stem.isidentifier() or stem in _JUNK or stem == "__init__":
            continue
        if path in tree and not rest:
            if any(name.startswith("__init__.") for name in tree[path]):
                names.append(path.replace("/", "."))
            elif depth < 2:
                names += _below(tree, path, depth + 1)
        elif re.fullmatch(r"py|(cpython-\S+\.|abi3\.)so", rest) or (
            rest == "so" and not stem.startswith("lib")
        ):
            names.append((f"{folder}/{stem}" if folder else stem).replace("/", "."))
    return names


def clone(venv: Path, target: Path) -> Path:
    """A copy of hard links: whoever changes a file there must put a new one in its place."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-al", str(venv), str(target)], check=True)
    return target
