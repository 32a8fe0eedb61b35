"""Compares what gpufix says a setup.py would do with what it does, its compilers replaced by recorders.

usage: python benchmarks/setup_oracle.py --results FILE [--python PYTHON] [--cuda DIR] [--only TEXT]
       [--again] FOLDER ...

Each FOLDER is a tree; every setup.py in it is run, with a GPU and without. The real one runs in a
child (setup_recorder.py) in a copy of its tree, with PYTHON, whose torch is made to look like
2.14.1+cu130. Its answers are kept in FILE: another run asks gpufix alone. A row is "same", "unknown"
(gpufix says that it cannot tell: of an ending, where each that it names hangs on something unknown)
or "differs". Exit 1 when one differs or
fewer than 95 % are the same.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gpufix.source.builds.run import BuildRun, BuiltExtension, Ending
from gpufix.source.builds.setup_py import run_setup
from gpufix.source.builds.world import BuildWorld, TorchSeen
from gpufix.source.source_facts import is_setup

HERE = Path(__file__).resolve().parent
GOAL = 0.95
ARCHS = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")  # setup_recorder's
_CARRIED = re.compile(r"(?:^|/)(?:third_?party|3rdparty|external|pybind11|node_modules|build)/")


class Disk:
    """The files of a folder."""

    def __init__(self, root: str, torch: str) -> None:
        self._root, self._torch = root, torch

    def _inside(self, path: str) -> bool:
        return path == self._root or path.startswith(f"{self._root}/")

    def text(self, path: str) -> str | None:
        try:
            return Path(path).read_text("utf-8", "replace") if self._inside(path) else None
        except OSError:
            return None

    def exists(self, path: str) -> bool | None:
        if path.startswith(f"{self._torch}/torch/include/"):
            return Path(path).exists()
        return Path(path).exists() if self._inside(path) else None

    def is_folder(self, path: str) -> bool | None:
        return Path(path).is_dir() if self._inside(path) else None

    def names_in(self, folder: str) -> list[str] | None:
        if not self._inside(folder):
            return None
        return [p.name for p in Path(folder).iterdir()] if Path(folder).is_dir() else []


class Installed(Mapping[str, bool]):
    """Whether a module can be imported, where all that can are known."""

    def __init__(self, names: list[str]) -> None:
        self._names = set(names)

    def __getitem__(self, name: str) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def environment(cuda: str) -> dict[str, str]:
    """The variables of both runs."""
    return {
        "PATH": f"{cuda}/bin:/usr/bin:/bin",
        "CUDA_HOME": cuda,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }


class Recorder:
    """Real runs, in forks of one process that has imported torch."""

    def __init__(self, python: str, cuda: str, **variables: str) -> None:
        self._command = [python, str(HERE / "setup_recorder.py")]
        self._variables = environment(cuda) | variables
        self._child: subprocess.Popen[str] | None = None

    def real(self, tree: Path, setup: str) -> list[dict[str, Any]]:
        """What a file does in a copy of its tree, without a GPU and with one."""
        if self._child is None:
            pipe = subprocess.PIPE
            self._child = subprocess.Popen(
                self._command,
                env=self._variables,
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        child = self._child
        assert child.stdin is not None and child.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder).resolve() / tree.name
            shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            child.stdin.write(f"{copy}\t{copy / setup}\n")
            child.stdin.flush()
            lines: list[str] = []
            while len(lines) < 2:
                line = child.stdout.readline()
                if not line:
                    raise RuntimeError("the recorder has ended")
                lines += [line] if line.startswith('{"torch"') else []
            return [dict(json.loads(line.replace(str(copy), "@ROOT@"))) for line in lines]

    def close(self) -> None:
        """End it."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
            self._child.wait()


def site_of(module: str) -> str:
    """The folder that holds a package of this Python."""
    spec = importlib.util.find_spec(module)
    return str(Path(spec.origin).parents[1]) if spec and spec.origin else ""


def foretold(tree: Path, setup: str, gpu: bool, truth: dict[str, Any], cuda: str) -> BuildRun:
    """What gpufix says."""
    variables = environment(cuda)
    torch = site_of("torch")
    version = sys.version_info
    world = BuildWorld(
        root=str(tree),
        files=Disk(str(tree), torch),
        environment=variables,
        gpu=gpu,
        capabilities=((9, 0),) if gpu else (),
        torch=TorchSeen(
            version="2.14.1+cu130", cuda="13.0", cxx11_abi=True, location=torch, archs=ARCHS
        ),
        modules=Installed(truth.get("modules", [])),
        programs={
            n: p for n in ("cmake", "ninja") if (p := shutil.which(n, path=variables["PATH"]))
        },
        cmake="3.25.1",  # setup_recorder's
        cuda_home=cuda,
        nvcc="13.0",
        network=False,
        python=(version[0], version[1], version[2]),
    )
    return run_setup(world, setup)


def fits(pattern: str, text: str) -> bool:
    """Whether a text that is known in part may be this one."""
    parts = map(re.escape, pattern.split("\0"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _ordered(flags: list[str]) -> list[str]:
    """Flags, -gencode and its values last: sets give them in any order, and nvcc takes any."""
    rest, pairs, at = [], [], 0
    while at < len(flags):
        pair = flags[at] == "-gencode" and at + 1 < len(flags)
        (pairs if pair else rest).append(" ".join(flags[at : at + 1 + pair]))
        at += 1 + pair
    return rest + sorted(pairs)


def same_flags(rows: Any, flags: list[Any], root: str) -> str:
    """ "same", "unknown" where a part is not known and allows it, or "differs"."""
    texts = [row.text.replace(root, "@ROOT@") for row in rows]
    if texts == [str(f) for f in flags] or _ordered(texts) == _ordered([str(f) for f in flags]):
        return "same"
    if not any("\0" in t for t in texts) and all(row.sure for row in rows):
        return "differs"
    if not all(row.sure for row in rows) or len(texts) != len(flags):
        return "unknown"
    known, real = _ordered(texts), _ordered([str(f) for f in flags])
    pairs = (zip(texts, map(str, flags), strict=True), zip(known, real, strict=False))
    return "same" if any(all(fits(t, f) for t, f in rows) for rows in pairs) else "differs"


def compare_extension(said: BuiltExtension, did: dict[str, Any], root: str) -> tuple[str, str]:
    """The verdict on one extension, and what it is about."""
    kinds = {"cuda": "cuda", "cpp": "cpp"}
    if kinds.get(said.kind, "plain") != did["kind"]:
        return "differs", f"kind {said.kind} / {did['kind']}"
    verdicts = {
        "sources": same_flags(said.sources, sorted_like(did["sources"], said), root),
        "cxx": same_flags(said.cxx, did["cxx"] or [], root),
        "nvcc": same_flags(said.nvcc, did["nvcc"] or [], root),
    }
    macros = {(m.name, m.value) for m in said.macros}
    real_macros = {
        (str(m[0]), None if len(m) < 2 or m[1] is None else str(m[1])) for m in did["macros"]
    }
    verdicts["macros"] = "same" if macros == real_macros else "differs"
    if verdicts["macros"] == "differs" and any("\0" in str(m) for m in macros):
        verdicts["macros"] = "unknown"
    for verdict in ("differs", "unknown"):
        if verdict in verdicts.values():
            return verdict, ", ".join(k for k, v in verdicts.items() if v == verdict)
    return "same", ""


def sorted_like(sources: list[str], said: BuiltExtension) -> list[str]:
    """Globs give their files in any order: the same files are the same sources."""
    texts = [s.text for s in said.sources]
    return texts if sorted(texts) == sorted(sources) else sources


def compare(run: BuildRun, truth: dict[str, Any], root: str) -> tuple[str, str]:
    """The verdict on one run, and what it is about."""
    ending = truth["ending"]
    if ending in ("timeout", "crash"):
        return "unjudged", ending
    if not any(end_fits(e, ending, truth) for e in run.endings):
        told = ", ".join(f"{e.state} {e.error} {e.message[:60]}" for e in run.endings)
        claims = run.fails is not None or (run.whole and any(e.sure for e in run.endings))
        about = f"{told} / {ending}: {truth['message'][:80]}"
        return ("differs" if claims else "unknown"), about
    if not run.whole or not all(e.sure for e in run.endings):
        return "unknown", f"ends {[e.hangs for e in run.endings][:2]}"
    if ending != "done":
        return "same", ""
    return compare_extensions(run, truth, root)


def compare_extensions(run: BuildRun, truth: dict[str, Any], root: str) -> tuple[str, str]:
    """The verdict on what is compiled."""
    said = {e.name: e for e in run.extensions if e.kind != "jit"}
    did = {e["name"]: e for e in truth["extensions"]}
    hidden = any("\0" in name for name in said)
    if set(said) != set(did) or sum(e.kind != "jit" for e in run.extensions) != len(said):
        unsure = hidden or any(not e.sure for e in run.extensions) or bool(run.unsure)
        return ("unknown" if unsure else "differs"), f"extensions {sorted(said)} / {sorted(did)}"
    worst = ("same", "")
    for name, each in said.items():
        verdict = compare_extension(each, did[name], root)
        if not each.sure and verdict[0] == "same":
            verdict = ("unknown", "whether it is built")
        if ["same", "unknown", "differs"].index(verdict[0]) > ["same", "unknown", "differs"].index(
            worst[0]
        ):
            worst = (verdict[0], f"{name}: {verdict[1]}")
    return worst


def end_fits(end: Ending, ending: str, truth: dict[str, Any]) -> bool:
    """Whether a foretold end may be the real one."""
    if end.state == "done":
        return ending == "done"
    if end.state == "exit":
        return ending == "exit"
    if end.state == "unfinished":
        return True
    kin = {"ModuleNotFoundError": "ImportError", "FileNotFoundError": "OSError"}
    return kin.get(end.error, end.error) == kin.get(ending, ending)


def setups(trees: list[Path]) -> Iterator[tuple[Path, str]]:
    """Every setup.py that is a tree's own."""
    for tree in trees:
        for path in sorted(tree.rglob("setup*.py")):
            name = str(path.relative_to(tree))
            if is_setup(name) and not _CARRIED.search(name) and not path.is_symlink():
                yield tree.resolve(), name


def main() -> int:
    """Ask both, compare, and count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--cuda", default="/usr/local/cuda")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true", help="run the real files anew")
    args = parser.parse_args()
    rows: dict[str, Any] = {}
    if args.results.exists() and not args.again:
        rows = dict(json.loads(line) for line in args.results.read_text().splitlines())
    counts: Counter[str] = Counter()
    recorder = Recorder(args.python, args.cuda)
    by_tree: dict[str, set[str]] = {}
    for tree, setup in setups(args.trees):
        if args.only not in f"{tree}/{setup}":
            continue
        name = f"{tree.name}/{setup}"
        if name not in rows:
            rows[name] = recorder.real(tree, setup)
            with args.results.open("a") as file:
                file.write(json.dumps([name, rows[name]]) + "\n")
        for gpu, truth in zip((False, True), rows[name], strict=True):
            key = f"{name} {'gpu' if gpu else 'none'}"
            start = time.process_time()
            run = foretold(tree, setup, gpu, truth, args.cuda)
            verdict, about = compare(run, truth, str(tree))
            counts[verdict] += 1
            by_tree.setdefault(tree.name, set()).add(verdict)
            if verdict != "same":
                print(f"{verdict:9} {key}: {about}  [{time.process_time() - start:.2f} s]")
    recorder.close()
    judged = counts["same"] + counts["unknown"] + counts["differs"]
    print(
        f"{len(by_tree)} trees, {judged} runs: {dict(counts)}; same {counts['same'] / max(judged, 1):.1%}"
    )
    return int(counts["differs"] > 0 or counts["same"] < GOAL * judged)


if __name__ == "__main__":
    sys.exit(main())
