"""Compares the abstract run of CMake files with CMake itself, on folders of projects.

usage: python benchmarks/cmake_oracle.py --trees DIR --folder DIR [--torch SITE_PACKAGES] [--only TEXT] [--kept] [-v]

Every CMakeLists.txt with a project() below the trees is configured by the real cmake, without network,
and read back through CMake's file API: sources, flags, definitions, architectures and standards of each
target. The abstract run must say the same, or that it does not know. What the real runs gave is kept in
--folder: another run asks the abstract one alone. Exit 1 on another answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gpufix.source.builds.cmake_result import CMakeBuild, CMakeTarget, run_cmake
from gpufix.source.builds.cmake_state import CMakeCall
from gpufix.source.builds.cmake_words import separate
from gpufix.source.builds.run import UNKNOWN_PART
from gpufix.source.builds.world import BuildWorld, TorchSeen

LIMIT = 150  # seconds of one configure
CUDA = "/usr/local/cuda-13.0"
NVCC = f"{CUDA}/bin/nvcc"
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
OFFLINE |= {"GIT_ALLOW_PROTOCOL": "file", "GIT_TERMINAL_PROMPT": "0", "PIP_NO_INDEX": "1"}


class Disk:
    """The files of a project."""

    def text(self, path: str) -> str | None:
        try:
            return Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    def exists(self, path: str) -> bool | None:
        return os.path.lexists(path)

    def names_in(self, folder: str) -> Collection[str] | None:
        return [p.name for p in Path(folder).iterdir()] if Path(folder).is_dir() else ()

    def is_folder(self, path: str) -> bool | None:
        return Path(path).is_dir()


@dataclass
class Real:
    """What cmake did. targets: name -> {sources, language -> {flags, defines, standard}}."""

    ok: bool
    message: str = ""
    targets: dict[str, Any] = field(default_factory=dict)


def environment(extra: dict[str, str]) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    found = {n: os.environ[n] for n in kept if n in os.environ}
    found["PATH"] = f"{CUDA}/bin:{found.get('PATH', '')}"
    return {**found, **OFFLINE, "CUDA_PATH": CUDA, **extra}


def configure(
    source: Path,
    build: Path,
    defines: dict[str, str],
    variables: dict[str, str],
    cmake: str = "cmake",
) -> Real:
    """Configure with the real cmake and read the code model."""
    shutil.rmtree(build, ignore_errors=True)
    query = build / ".cmake/api/v1/query"
    query.mkdir(parents=True)
    (query / "codemodel-v2").touch()
    flags = [f"-D{name}={value}" for name, value in defines.items()]
    command = [cmake, "-S", str(source), "-B", str(build), "-G", "Unix Makefiles", *flags]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LIMIT,
            stdin=subprocess.DEVNULL, env=environment(variables), check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Real(False, "timeout")
    if done.returncode:
        errors = re.findall(r"CMake Error.*?(?=\n\n\n|\Z)", done.stderr, re.DOTALL)
        return Real(False, "\n".join(errors)[:2000] or done.stderr[-500:])
    return Real(True, "", dict(_targets(source, build)))


def _targets(source: Path, build: Path) -> Iterator[tuple[str, Any]]:
    reply = build / ".cmake/api/v1/reply"
    for path in sorted(reply.glob("target-*.json")):
        target = json.loads(path.read_text())
        sources = [row["path"] for row in target.get("sources", [])]
        groups: dict[str, Any] = {}
        compiled = []
        for group in target.get("compileGroups", []):
            row = groups.setdefault(
                group["language"], {"flags": [], "defines": [], "standard": None}
            )
            fragments = " ".join(f["fragment"] for f in group.get("compileCommandFragments", []))
            row["flags"] += separate(fragments)
            row["defines"] += [d["define"] for d in group.get("defines", [])]
            row["standard"] = group.get("languageStandard", {}).get("standard")
            compiled += [sources[n] for n in group["sourceIndexes"]]
        yield target["name"], {"type": target["type"], "sources": compiled, "groups": groups}


_CODE = re.compile(r"--generate-code=arch=(\w+),code=\[([^\]]*)\]")


def codes_of(flags: list[str]) -> set[str]:
    """The architectures that CMake itself has added."""
    found = {c for flag in flags for m in [_CODE.fullmatch(flag)] if m for c in m[2].split(",")}
    return found | {
        flag.partition("=")[2]
        for flag in flags
        if re.fullmatch(r"-arch=(?:all|all-major|native)", flag)
    }


def codes_said(archs: str | None) -> set[str] | None:
    """The same from CUDA_ARCHITECTURES as the abstract run has it; None: not known."""
    if archs is None or archs.upper() in ("OFF", "0", "NO", "FALSE", ""):
        return set()
    if UNKNOWN_PART in archs:
        return None
    found = set()
    for part in archs.split(";"):
        number, _, kind = part.partition("-")
        if part in ("all", "all-major", "native"):
            found.add(part)
            continue
        found |= {f"sm_{number}"} if kind != "virtual" else set()
        found |= {f"compute_{number}"} if kind != "real" else set()
    return found


def differences(real: Real, said: CMakeBuild, source: Path, root: Path) -> list[str]:
    """Where the abstract run gives another answer. Not knowing is no difference."""
    open_ = not said.whole or bool(said.unsure) or any(not e.sure for e in said.endings)
    if not real.ok:
        foretold = said.fails is not None or open_
        return [] if foretold else [f"cmake failed, unforeseen: {real.message[:300]}"]
    if said.fails is not None and said.fails.message:
        return [f"foretold a failure that does not come: {said.fails}"]
    found = []
    mine = {t.name: t for t in said.targets}
    for name, row in real.targets.items():
        if not row["sources"] or name.startswith("cmTC"):
            continue
        if name not in mine:
            if not open_:
                found.append(f"{name}: not seen")
            continue
        found += [f"{name}: {text}" for text in _compare(row, mine[name], source, root)]
    for name, target in mine.items():
        if target.sure and name not in real.targets and target.kind != "FindCUDA" and said.whole:
            found.append(f"{name}: is no target")
    return found


def _compare(row: dict[str, Any], said: CMakeTarget, source: Path, root: Path) -> Iterator[str]:
    if said.kind == "FindCUDA":
        return
    real = {os.path.normpath(source / path) for path in row["sources"]}
    texts = [s for s in said.sources if _compiled(s.text, row)]
    mine = {os.path.normpath(root / s.text) for s in texts if s.sure}
    whole = all(s.sure and UNKNOWN_PART not in s.text for s in said.sources)
    if not mine <= real:
        yield f"sources that it does not have: {sorted(mine - real)[:5]}"
    if whole and real - mine:
        yield f"sources not seen: {sorted(real - mine)[:5]}"
    for language, group in row["groups"].items():
        if language in ("CUDA", "CXX"):
            yield from _flags(language, group, said)


def _compiled(path: str, row: dict[str, Any]) -> bool:
    return path.endswith((".cu", ".cpp", ".cc", ".cxx", ".c")) and (
        "CUDA" in row["groups"] or not path.endswith(".cu")
    )


_ADDED = re.compile(
    r"-std=|--generate-code=|-arch=(?:all|native)|-fPIC$|-fPIE$|-Xcompiler=-fPI|-fvisibility|-fopenmp|-Xcompiler=-fvis|-rdc"
)


def _flags(language: str, group: dict[str, Any], said: CMakeTarget) -> Iterator[str]:
    if language == "CUDA":
        codes = codes_said(said.archs.text if said.archs else None)
        if codes is not None and codes != codes_of(group["flags"]):
            yield f"architectures {sorted(codes)}, cmake {sorted(codes_of(group['flags']))}"
    rows = said.nvcc if language == "CUDA" else said.cxx
    mine = [row for row in rows if row.sure and UNKNOWN_PART not in row.text]
    open_ = len(mine) < len(rows)
    real = group["flags"]
    for row in mine:
        if row.text not in real:
            yield f"{language} flag {row.text!r} (line {row.place.line}), cmake has {real[:30]}"
    if not open_:
        texts = {row.text for row in mine}
        more = [flag for flag in real if flag not in texts and not _ADDED.match(flag)]
        if more:
            yield f"{language} flags not seen: {more[:6]}"
    yield from _standards(language, group, said)
    yield from _macros(language, group, said)


def _macros(language: str, group: dict[str, Any], said: CMakeTarget) -> Iterator[str]:
    real = group["flags"]
    defines = {
        f"{m.name}={m.value}" if m.value is not None else m.name for m in said.macros if m.sure
    }
    given = {d.replace('\\"', '"') for d in group["defines"]} | {f.removeprefix("-D") for f in real}
    for text in defines:
        if text.replace('\\"', '"') not in given and UNKNOWN_PART not in text:
            yield f"{language} macro {text}, cmake has {sorted(given)[:12]}"


def _standards(language: str, group: dict[str, Any], said: CMakeTarget) -> Iterator[str]:
    standard = said.cuda_standard if language == "CUDA" else said.cxx_standard
    if standard is not None and not standard.sure:
        return
    text = standard.text if standard else None
    if language == "CUDA" and text is None:
        return  # CMake names the compiler's own default
    own = language in said.least and group["standard"] is None  # the compiler's, which is no older
    if group["standard"] != text and not (own and text and int(text) <= default_standard()):
        yield f"{language} standard {text}, cmake {group['standard']}"


def worlds(root: Path, torch: Path | None, variables: dict[str, str]) -> BuildWorld:
    """The world in which the real cmake runs."""
    seen = None
    if torch is not None:
        version = re.search(r"'([^']+)'", (torch / "torch/version.py").read_text())
        cuda = re.search(
            r"^cuda[^=]*= '([^']+)'", (torch / "torch/version.py").read_text(), re.MULTILINE
        )
        seen = TorchSeen(version=version[1] if version else "", cuda=cuda[1] if cuda else None, cxx11_abi=True,
                         location=str(torch))  # fmt: skip
    return BuildWorld(
        root=str(root), files=Disk(), environment=environment(variables), torch=seen,
        cuda_home=CUDA, nvcc="13.0",
    )  # fmt: skip


def projects(trees: Path) -> Iterator[tuple[str, Path, Path]]:
    """(name, root of the tree, folder) of every CMakeLists.txt with a project()."""
    for root in sorted(p for p in trees.iterdir() if p.is_dir()):
        for path in sorted(root.rglob("CMakeLists.txt")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if (
                re.search(r"^\s*project\s*\(", text, re.MULTILINE | re.IGNORECASE)
                and not path.is_symlink()
            ):
                yield (
                    f"{root.name}/{path.parent.relative_to(root)}".removesuffix("/."),
                    root,
                    path.parent,
                )


@cache
def default_standard() -> int:
    """The C++ that the compiler here takes of its own accord."""
    ask = ["c++", "-x", "c++", "-dM", "-E", os.devnull]
    said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    return int(said.partition("__cplusplus 20")[2][:2])


def cmake_release() -> str:
    said = subprocess.run(["cmake", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trees", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--torch", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument(
        "--kept", action="store_true", help="only what earlier runs have configured"
    )
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    release = cmake_release()
    defines = {"CMAKE_CUDA_COMPILER": NVCC, "FETCHCONTENT_FULLY_DISCONNECTED": "ON"}
    if options.torch:
        defines["CMAKE_PREFIX_PATH"] = str(options.torch / "torch/share/cmake")
    counts = {"same": 0, "in part unknown": 0, "other": 0}
    failed = targets = 0
    seconds = 0.0
    for name, root, folder in projects(options.trees):
        if options.only not in name:
            continue
        real = _kept(options.folder, name, folder, defines, options.kept)
        if real is None or real.message == "timeout":
            continue
        begin = time.process_time()
        world = worlds(root, options.torch, {})
        said = run_cmake(CMakeCall(world=world, source=str(folder), defines=defines, cmake=release))
        seconds += time.process_time() - begin
        found = differences(real, said, folder, root)
        targets += len(real.targets)
        failed += not real.ok
        unknown = bool(said.unsure) or not said.whole
        counts["other" if found else "in part unknown" if unknown else "same"] += 1
        if found or options.v:
            print(f"{name}: {'configured' if real.ok else 'failed: ' + real.message[:160]!r}")
            for text in found:
                print(f"    {text}")
    print(
        f"{sum(counts.values())} projects ({failed} that cmake refuses), {targets} targets: {counts}; {seconds:.1f} s"
    )
    return 1 if counts["other"] else 0


def _kept(
    folder: Path, name: str, source: Path, defines: dict[str, str], only: bool
) -> Real | None:
    """The real answer, from an earlier run where there is one; only: None where there is none."""
    text = (source / "CMakeLists.txt").read_bytes() + json.dumps(defines).encode()
    key = hashlib.sha256(text + name.encode()).hexdigest()[:20]
    path = folder / f"{key}.json"
    if path.exists():
        return Real(**json.loads(path.read_text()))
    if only:
        return None
    build = folder / "build"
    real = configure(source, build, defines, {})
    shutil.rmtree(build, ignore_errors=True)
    path.write_text(json.dumps(real.__dict__))
    return real


if __name__ == "__main__":
    sys.exit(main())
