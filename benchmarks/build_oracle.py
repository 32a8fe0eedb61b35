"""Compares what the doctor says of a source tree with a build of it, before and after its fixes.

usage: python benchmarks/build_oracle.py --trees DIR --work DIR --python ENV [--gpu sm_120]
       [--clones DIR --gitlinks FILE] [--only TEXT ...] [--before] [--gpufix CHECKOUT]

For every tree, in a copy: each setup.py with extensions is run by build_truth.py, which compiles one
C++ and one CUDA source of each extension. Then the doctor is asked, its safe fixes are applied and
the build is tried again, unless no file changed and all compiled. WORK keeps before.jsonl and after.jsonl, a line for each tree: another run
goes on where one ended. --before stops after the first part, which does not depend on gpufix.
Submodules are filled from clones (DIR/owner+name), at the commits of the file of gitlinks
(tree, path, commit).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
Row = dict[str, Any]
_EXTENSION = re.compile(rb"CUDAExtension|CppExtension|BuildExtension|cpp_extension")
_ERROR = re.compile(r"^.*(?:error[: ]|Error:|fatal|FAILED).*$", re.M)
_APART = {"third_party", "thirdparty", "3rdparty", "third-party", "tests", "test"}
SETUPS = 2  # of one tree


def setups(tree: Path) -> list[Path]:
    """The build files of extensions, the outermost first."""
    found = [
        path
        for path in tree.rglob("setup.py")
        if not _APART & set(path.relative_to(tree).parts) and _EXTENSION.search(path.read_bytes())
    ]
    return sorted(found, key=lambda path: (len(path.parts), path))[:SETUPS]


def fill(tree: Path, clones: Path | None, gitlinks: Path | None) -> None:
    """Submodules at their commits, from the clones that are there."""
    modules = tree / ".gitmodules"
    if clones is None or gitlinks is None or not modules.exists():
        return
    text = modules.read_text()
    urls = dict(re.findall(r"path\s*=\s*(\S+)\s*\n\s*url\s*=\s*(\S+)", text))
    for line in gitlinks.read_text().splitlines():
        name, path, commit = line.split("\t")
        owner = re.search(r"[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", urls.get(path, ""))
        if name != tree.name or owner is None:
            continue
        alias = {
            "libeigen/eigen": "eigenteam/eigen-git-mirror",
            "bkerbl/simple-knn": "camenduru/simple-knn",
        }
        place = clones / alias.get(owner[1], owner[1]).replace("/", "+") / "repo"
        git = place / ".git" if (place / ".git").is_dir() else place
        for revision in (commit, "HEAD"):
            command = (
                f"git --git-dir {git} archive {revision} | tar x -C {tree / path} --exclude=*.png"
            )
            (tree / path).mkdir(parents=True, exist_ok=True)
            if (
                git.exists()
                and not subprocess.run(
                    ["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False
                ).returncode
            ):
                break


def build(setup: Path, python: Path, variables: dict[str, str | None]) -> Row:
    """What became of one setup.py."""
    report = setup.parent / ".oracle.jsonl"
    report.unlink(missing_ok=True)
    env = {**os.environ, "MAX_JOBS": "1", **{k: v for k, v in variables.items() if v is not None}}
    for name in [k for k, v in variables.items() if v is None]:
        env.pop(name, None)
    env["PATH"] = f"{python.parent}:{env['PATH']}"
    command = ["nice", "-n", "2", str(python), str(HERE.with_name("build_truth.py")), str(report)]
    try:
        done = subprocess.run(
            [
                *command,
                str(setup),
                "build_ext",
                "--build-temp",
                "build/oracle",
                "--build-lib",
                "build/oracle-lib",
            ],
            capture_output=True,
            text=True,
            env=env,
            timeout=2400,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        output = done.stdout[-3000:] + done.stderr[-3000:]
    except subprocess.TimeoutExpired:
        output = "timed out"
    rows = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    report.unlink(missing_ok=True)
    shutil.rmtree(setup.parent / "build", ignore_errors=True)
    objects = [row for row in rows if row["kind"] == "object"]
    extensions = [row for row in rows if row["kind"] == "extension"]
    ends = [row["failure"] for row in rows if row["kind"] == "end"]
    return {
        "setup": setup.name,
        "failure": ends[-1] if ends else f"ended: {output[-1500:]}",
        "objects": [{**row, "output": essence(row["output"])} for row in objects],
        "cuda_sources": sum(s.endswith(".cu") for row in extensions for s in row["sources"]),
        "sources": sum(len(row["sources"]) for row in extensions),
        "flags": [row["flags"] for row in extensions][:4],
        "said": essence(output) if ends and ends[-1] else "",
    }


def essence(output: str) -> str:
    """The lines that say what went wrong."""
    return "\n".join(line[:300] for line in _ERROR.findall(output)[:6])


def outcome(row: Row, gpu: str) -> str:
    """One word for a setup.py."""
    if row["failure"]:
        return "fails"
    if any(each["code"] for each in row["objects"]):
        return "does not compile"
    if not row["cuda_sources"]:
        return "no CUDA source"
    number = gpu.removeprefix("sm_").rstrip("af")
    flags = " ".join(text for each in row["flags"] for text in each.values())
    return "compiles" if re.search(rf"(?:sm|compute)_{number}\b", flags) else "not for the target"


def gpufix(options: argparse.Namespace, *arguments: str) -> str:
    """The output of a gpufix command."""
    env = {**os.environ, "PYTHONPATH": str(options.gpufix / "src"), **options.variables}
    common = ["--python", str(options.python.parent.parent), "--gpu", options.gpu]
    command = [sys.executable, "-m", "gpufix", *arguments, *common]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False).stdout


def revision(checkout: Path) -> str:
    """The commit of gpufix that was asked."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def tried(
    tree: Path, options: argparse.Namespace, variables: dict[str, str | None]
) -> dict[str, Row]:
    """Each setup.py of a tree, by its path."""
    found = {}
    for setup in setups(tree):
        row = build(setup, options.python, variables)
        found[str(setup.relative_to(tree))] = {**row, "outcome": outcome(row, options.gpu)}
    return found


def copy(tree: Path, options: argparse.Namespace) -> Path:
    """A fresh copy with its submodules."""
    to = options.work / "copies" / tree.name
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(tree, to, symlinks=True)
    fill(to, options.clones, options.gitlinks)
    return to


def changed(place: Path, other: Path) -> list[str]:
    """The files that differ between two copies."""
    rows = {path.relative_to(place) for path in place.rglob("*") if path.is_file()}
    rows |= {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    return sorted(
        str(path)
        for path in rows
        if not (place / path).is_file()
        or not (other / path).is_file()
        or (place / path).read_bytes() != (other / path).read_bytes()
    )


def setups_of(path: Path) -> dict[str, dict[str, Row]]:
    """What a file has of each tree."""
    rows = map(json.loads, path.read_text().splitlines() if path.exists() else ())
    return {row["tree"]: row["setups"] for row in rows}


def keep(path: Path, row: Row) -> None:
    """One more line."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def before(tree: Path, options: argparse.Namespace) -> None:
    """As the tree is."""
    place = copy(tree, options)
    keep(
        options.work / "before.jsonl",
        {"tree": tree.name, "setups": tried(place, options, options.variables)},
    )
    shutil.rmtree(place)


def after(tree: Path, options: argparse.Namespace) -> None:
    """What the doctor says, and the tree after the fixes."""
    place = copy(tree, options)
    pristine = place.with_name(f"{place.name}.before")
    shutil.rmtree(pristine, ignore_errors=True)
    shutil.copytree(place, pristine, symlinks=True)
    findings = json.loads(gpufix(options, "doctor", str(place), "--format", "json"))["findings"]
    fixed = gpufix(
        options,
        "fix",
        str(place),
        "--apply",
        "--only",
        "SRC",
        "--only",
        "TCH211",
        "--ignore",
        "SRC606,SRC605",
        "--format",
        "json",
    )
    answer = gpufix(options, "env", str(place), "--build", "--format", "json")
    env = json.loads(answer)["variables"]
    left = json.loads(gpufix(options, "doctor", str(place), "--format", "json"))["findings"]
    variables = {**options.variables, **{k: v for k, v in env.items() if isinstance(v, str | None)}}
    files = changed(pristine, place)
    shutil.rmtree(pristine)
    earlier = setups_of(options.work / "before.jsonl").get(tree.name, {})
    same = not files and all(row["outcome"] == "compiles" for row in earlier.values())
    keep(
        options.work / "after.jsonl",
        {
            "tree": tree.name,
            "revision": revision(options.gpufix),
            "findings": [
                {k: row[k] for k in ("code", "severity", "subject", "message")} for row in findings
            ],
            "fix": fixed[-4000:],
            "left": [{k: row[k] for k in ("code", "severity", "subject")} for row in left],
            "variables": env,
            "files": files,
            "setups": earlier if earlier and same else tried(place, options, variables),
        },
    )
    shutil.rmtree(place)


def wanted(options: argparse.Namespace) -> list[Path]:
    """The trees to try: those named, in that order, else all."""
    if options.only:
        return [options.trees / name for name in options.only]
    return sorted(path for path in options.trees.iterdir() if path.is_dir())


def main() -> int:
    """Every tree that is not in the files yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--gpu", default="sm_120")
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--gitlinks", type=Path)
    parser.add_argument("--only", action="append")
    parser.add_argument("--before", action="store_true")
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1])
    options = parser.parse_args()
    options.python = options.python.absolute() / "bin/python"
    options.variables = {"TORCH_CUDA_ARCH_LIST": f"{options.gpu[3:-1]}.{options.gpu[-1]}"}
    options.work.mkdir(parents=True, exist_ok=True)
    step, name = (before, "before.jsonl") if options.before else (after, "after.jsonl")
    done = setups_of(options.work / name)
    for tree in wanted(options):
        if tree.name not in done and setups(tree):
            print(tree.name, file=sys.stderr, flush=True)
            step(tree, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
