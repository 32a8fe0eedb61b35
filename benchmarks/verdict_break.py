"""Breaks an environment in a way that is drawn, not picked."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from verdict_envs import Distribution, Recipe, clone, distributions, site_of

Broken = dict[str, str]  # what was done: kind, distribution, file, and LD_LIBRARY_PATH if set


class Draw:
    """One environment that is to be broken, and what can be drawn in it."""

    def __init__(self, venv: Path, recipe: Recipe, rng: random.Random) -> None:
        self.venv, self.recipe, self.rng = venv, recipe, rng
        self.site = site_of(venv)
        self.items = distributions(venv)
        self.owner = {p: d.name for d in self.items.values() for p in d.libraries}
        paths = (self.site / p for p in sorted(self.owner))
        self.libraries = [p for p in paths if p.is_file() and not p.is_symlink()]
        self.dynamic = read_dynamic(self.libraries)

    def name_of(self, path: Path) -> str:
        return self.owner[str(path.relative_to(self.site))]

    def needed(self) -> list[Path]:
        """Libraries that another one of this environment asks for by name."""
        asked = {name for needed, _ in self.dynamic.values() for name in needed}
        return [p for p in self.libraries if {p.name, self.dynamic[p][1]} & asked]

    def dependencies(self) -> list[Distribution]:
        """What a target requires, directly or not, and is installed."""
        seen: list[str] = []
        todo = [r for t in self.recipe.targets if t in self.items for r in self.items[t].requires]
        while todo:
            name = todo.pop(0)
            if name in self.items and name not in seen:
                seen.append(name)
                todo += self.items[name].requires
        return [self.items[name] for name in sorted(seen)]


def read_dynamic(paths: list[Path]) -> dict[Path, tuple[list[str], str]]:
    """path -> (NEEDED names, soname), as readelf prints them."""
    found: dict[Path, tuple[list[str], str]] = {path: ([], "") for path in paths}
    for start in range(0, len(paths), 400):
        some = [str(path) for path in paths[start : start + 400]]
        text = subprocess.run(["readelf", "-dW", *some, "/dev/null"], capture_output=True).stdout
        for part in text.decode("utf-8", "replace").split("\nFile: ")[1:]:
            name, _, body = part.partition("\n")
            soname = re.search(r"soname: \[(.*)\]", body)
            needed = re.findall(r"\(NEEDED\).*\[(.*)\]", body)
            if Path(name) in found:
                found[Path(name)] = (needed, soname[1] if soname else "")
    return found


def put(path: Path, content: bytes) -> None:
    """Replace a file that others hold hard links to."""
    path.unlink()
    path.write_bytes(content)


def delete_library(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.needed())
    path.unlink()
    return _library("delete-library", draw, path)


def bump_soname(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.needed())
    path.rename(path.with_name(path.name + ".9"))
    return _library("bump-soname", draw, path)


def empty_library(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.libraries)
    put(path, b"")
    return _library("empty-library", draw, path)


def cut_library(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.libraries)
    put(path, path.read_bytes()[: path.stat().st_size // 2])
    return _library("cut-library", draw, path)


def delete_module(draw: Draw) -> Broken:
    path = draw.rng.choice([p for p in draw.libraries if p not in set(draw.needed())])
    path.unlink()
    return _library("delete-module", draw, path)


def lose_symbol(draw: Draw) -> Broken:
    """The library is one release older: something that is asked of it is not there yet."""
    path, symbol, content = _without_symbol(draw)
    put(path, content)
    return {**_library("lose-symbol", draw, path), "symbol": symbol}


def shadow(draw: Draw) -> Broken:
    """Such a library on LD_LIBRARY_PATH; the installed one is whole."""
    path, symbol, content = _without_symbol(draw)
    folder = draw.venv / "shadow"
    folder.mkdir()
    (folder / (draw.dynamic[path][1] or path.name)).write_bytes(content)
    done = _library("shadow", draw, path)
    return {**done, "symbol": symbol, "LD_LIBRARY_PATH": str(folder)}


def old_libstdcxx(draw: Draw) -> Broken:
    """The system's libstdc++ without its newer versions, on LD_LIBRARY_PATH."""
    folder = draw.venv / "shadow"
    folder.mkdir()
    content = Path("/usr/lib/x86_64-linux-gnu/libstdc++.so.6").read_bytes()
    for minor in range(draw.rng.randint(18, 26), 33):
        content = content.replace(b"\0GLIBCXX_3.4.%d\0" % minor, b"\0GLIBCXX_0.0.%d\0" % minor)
    (folder / "libstdc++.so.6").write_bytes(content)
    return {"kind": "old-libstdcxx", "distribution": "", "LD_LIBRARY_PATH": str(folder)}


def drop_distribution(draw: Draw) -> Broken:
    item = draw.rng.choice(draw.dependencies())
    _uv(draw, "uninstall", item.name)
    return {"kind": "drop-distribution", "distribution": item.name}


def drop_files(draw: Draw) -> Broken:
    """The files went, the dist-info stayed."""
    item = draw.rng.choice(draw.dependencies())
    for path in item.files:
        (draw.site / path).unlink(missing_ok=True)
    for folder in sorted({(draw.site / path).parent for path in item.files}, reverse=True):
        _prune(draw.site, folder)
    return {"kind": "drop-files", "distribution": item.name}


def older_dependency(draw: Draw) -> Broken:
    item = draw.rng.choice([d for d in draw.dependencies() if d.libraries] or draw.dependencies())
    major = int(item.version.split(".")[0])
    bound = f"{item.name}<{major}" if major else f"{item.name}<{item.version}"
    _uv(draw, "install", "--no-deps", "--only-binary", ":all:", bound)
    now = distributions(draw.venv)[item.name].version
    if now == item.version:
        raise LookupError("no older release")
    return {"kind": "older-dependency", "distribution": item.name, "version": now}


KINDS: tuple[Callable[[Draw], Broken], ...] = (
    *(delete_library, bump_soname, empty_library, cut_library, delete_module, lose_symbol),
    *(shadow, old_libstdcxx, drop_distribution, drop_files, older_dependency),
)


def break_once(base: Path, recipe: Recipe, number: int) -> Path | None:
    """BASE.NUMBER, broken in the drawn way; None where no kind that was drawn applies."""
    target = base.with_name(f"{base.name}.{number}")
    if (target / "broken.json").exists():
        return target
    rng = random.Random(f"{recipe.id}:{number}")
    for kind in rng.sample(KINDS, len(KINDS)):
        try:
            done = kind(Draw(clone(base, target), recipe, rng))
        except (LookupError, ValueError):
            continue
        (target / "broken.json").write_text(json.dumps(done))
        return target
    return None


def _prune(site: Path, folder: Path) -> None:
    """Remove folders in which nothing but bytecode is left: they would import as namespaces."""
    while folder != site and folder.is_dir():
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        if any(folder.iterdir()):
            return
        folder.rmdir()
        folder = folder.parent


def _library(kind: str, draw: Draw, path: Path) -> Broken:
    owner = draw.name_of(path)
    return {"kind": kind, "distribution": owner, "file": str(path.relative_to(draw.site))}


def _without_symbol(draw: Draw) -> tuple[Path, str, bytes]:
    """(library, symbol, content): a symbol that another library asks for gets another name."""
    path = draw.rng.choice(draw.needed())
    names = {path.name, draw.dynamic[path][1]}
    users = [p for p in draw.libraries if names & set(draw.dynamic[p][0])]
    asked = _symbols(draw.rng.choice(users), "--undefined-only")
    common = sorted(asked & _symbols(path, "--defined-only"))
    symbol = draw.rng.choice(common)
    content, old = path.read_bytes(), b"\0" + symbol.encode() + b"\0"
    if old not in content:
        raise LookupError("its name is the end of another")
    return path, symbol, content.replace(old, b"\0~" + symbol.encode()[1:] + b"\0")


def _symbols(path: Path, which: str) -> set[str]:
    text = subprocess.run(["nm", "-D", which, str(path)], capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines() if line.strip()}


def _uv(draw: Draw, verb: str, *words: str) -> None:
    command = ["uv", "--quiet", "pip", verb, "--python", str(draw.venv / "bin/python"), *words]
    subprocess.run(command, capture_output=True)
