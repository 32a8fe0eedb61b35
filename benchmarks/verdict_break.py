"""Breaks an environment in a way that is drawn, not picked."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from verdict_envs import Distribution, Recipe, clone, distributions, site_of

Broken = dict[str, str]  # what was done: kind, distribution, file, and LD_LIBRARY_PATH if set


@lru_cache(maxsize=2)
def libraries_of(base: Path) -> dict[str, tuple[str, list[str], str]]:
    """path below site-packages -> (distribution, NEEDED names, soname), of the whole environment."""
    site = site_of(base)
    owner = {p: d.name for d in distributions(base).values() for p in d.libraries}
    real = [p for p in sorted(owner) if (site / p).is_file() and not (site / p).is_symlink()]
    read = read_dynamic([site / p for p in real])
    return {p: (owner[p], *read[site / p]) for p in real}


class Draw:
    """A copy of an environment that is to be broken, and what can be drawn in it."""

    def __init__(self, base: Path, copy: Path, recipe: Recipe, rng: random.Random) -> None:
        self.venv, self.recipe, self.rng = copy, recipe, rng
        self.site = site_of(copy)
        self.items = distributions(base)
        self.table = libraries_of(base)
        self.libraries = list(self.table)

    def needed(self) -> list[str]:
        """Libraries that another one of this environment asks for by name."""
        asked = {name for _, needed, _ in self.table.values() for name in needed}
        return [p for p in self.table if self.names(p) & asked]

    def names(self, path: str) -> set[str]:
        """What others can call it."""
        return {Path(path).name, self.table[path][2]}

    def users(self, path: str) -> list[str]:
        """Libraries that need it."""
        return [p for p, (_, needed, _) in self.table.items() if self.names(path) & set(needed)]

    def required(self, *names: str) -> list[str]:
        """What these require, directly or not, and is installed."""
        seen: list[str] = []
        todo = [r for name in names if name in self.items for r in self.items[name].requires]
        while todo:
            name = todo.pop(0)
            if name in self.items and name not in seen:
                seen.append(name)
                todo += self.items[name].requires
        return sorted(seen)

    def dependencies(self) -> list[Distribution]:
        return [self.items[name] for name in self.required(*self.recipe.targets)]

    def reached(self, done: Broken) -> list[str]:
        """Whom the damage can reach: the victim, and targets that require or link it; two more."""
        victim, targets = done["distribution"], [t for t in self.recipe.targets if t in self.items]
        linked = (
            {self.table[p][0] for p in self.users(done.get("file", ""))} if "file" in done else ()
        )
        hit = [t for t in targets if victim in (t, "", *self.required(t)) or t in linked]
        others = [t for t in targets if t not in hit]
        return list(dict.fromkeys([victim, *hit, *self.rng.sample(others, min(2, len(others)))]))


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
    (draw.site / path).unlink()
    return _library("delete-library", draw, path)


def bump_soname(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.needed())
    (draw.site / path).rename(draw.site / (path + ".9"))
    return _library("bump-soname", draw, path)


def empty_library(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.libraries)
    put(draw.site / path, b"")
    return _library("empty-library", draw, path)


def cut_library(draw: Draw) -> Broken:
    path = draw.rng.choice(draw.libraries)
    content = (draw.site / path).read_bytes()
    put(draw.site / path, content[: len(content) // 2])
    return _library("cut-library", draw, path)


def delete_module(draw: Draw) -> Broken:
    needed = set(draw.needed())
    path = draw.rng.choice([p for p in draw.libraries if p not in needed])
    (draw.site / path).unlink()
    return _library("delete-module", draw, path)


def lose_symbol(draw: Draw) -> Broken:
    """The library is one release older: something that is asked of it is not there yet."""
    path, symbol, content = _without_symbol(draw)
    put(draw.site / path, content)
    return {**_library("lose-symbol", draw, path), "symbol": symbol}


def shadow(draw: Draw) -> Broken:
    """Such a library on LD_LIBRARY_PATH; the installed one is whole."""
    path, symbol, content = _without_symbol(draw)
    folder = draw.venv / "shadow"
    folder.mkdir()
    (folder / (draw.table[path][2] or Path(path).name)).write_bytes(content)
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
        draw = Draw(base, clone(base, target), recipe, rng)
        try:
            done = kind(draw)
        except (LookupError, ValueError):
            continue
        reached = " ".join(draw.reached(done))
        (target / "broken.json").write_text(json.dumps({**done, "judged": reached}))
        return target
    shutil.rmtree(target, ignore_errors=True)
    return None


def _prune(site: Path, folder: Path) -> None:
    """Remove folders in which nothing but bytecode is left: they would import as namespaces."""
    while folder != site and folder.is_dir():
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        if any(folder.iterdir()):
            return
        folder.rmdir()
        folder = folder.parent


def _library(kind: str, draw: Draw, path: str) -> Broken:
    return {"kind": kind, "distribution": draw.table[path][0], "file": path}


def _without_symbol(draw: Draw) -> tuple[str, str, bytes]:
    """(library, symbol, content): a symbol that another library asks for gets another name."""
    path = draw.rng.choice(draw.needed())
    asked = _symbols(draw.site / draw.rng.choice(draw.users(path)), "--undefined-only")
    symbol = draw.rng.choice(sorted(asked & _symbols(draw.site / path, "--defined-only")))
    head = subprocess.run(["readelf", "-dW", str(draw.site / path)], capture_output=True).stdout
    content, old = (draw.site / path).read_bytes(), b"\0" + symbol.encode() + b"\0"
    if old not in content or b"(GNU_HASH)" not in head:
        raise LookupError("its name is the end of another, or is looked up by another hash")
    return path, symbol, content.replace(old, b"\0" + same_hash(symbol).encode() + b"\0")


def same_hash(name: str) -> str:
    """Another name of the same length and GNU hash: the library's own references still resolve."""
    for i in range(len(name) - 2, -1, -1):
        if name[i].isalnum() and name[i + 1] in "cdefghijklmnopqrstuvwxyz" and name[i] not in "9Zz":
            return name[:i] + chr(ord(name[i]) + 1) + chr(ord(name[i + 1]) - 33) + name[i + 2 :]
    raise LookupError("no two characters that can be changed")


def _symbols(path: Path, which: str) -> set[str]:
    text = subprocess.run(["nm", "-D", which, str(path)], capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines() if line.strip()}


def _uv(draw: Draw, verb: str, *words: str) -> None:
    command = ["uv", "--quiet", "pip", verb, "--python", str(draw.venv / "bin/python"), *words]
    subprocess.run(command, capture_output=True)
