"""Builds whole source trees before and after `gpufix fix --apply`, and reads what comes out.

usage: python benchmarks/whole_builds.py --trees DIR --work DIR --python ENV [--gpu sm_120]
       [--clones DIR --gitlinks FILE] [--out FILE] [--minutes 15] TREE[:FOLDER] ...

For every tree, in a copy: the doctor is asked, pip builds FOLDER (`pip install --no-build-isolation`,
two jobs, CFLAGS="-O0 -g0", TORCH_CUDA_ARCH_LIST for the target), each library is read back by cuobjdump and by
`gpufix inspect`, and imported after torch. Then the safe plans are applied to a fresh copy, and with
the variables of `gpufix env --build` it is built again; where nothing changed it is not.
OUT has a line for each tree and build: another run goes on where one ended. build_report.py takes it
into the results.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from build_oracle import changed, copy, gpufix, keep, revision

Row = dict[str, Any]
HERE = Path(__file__).resolve()
_ERROR = re.compile(r"^.*(?:\berror[: ]|Error:|Exception:|\bfatal\b|No module named).*$", re.M)
_NOISE = re.compile(
    r"subprocess-exited|metadata-generation|failed-wheel|Traceback|pip's|ninja: build|with pip\."
    r"|Encountered error while|except ImportError|clear error message"
)
_IMPORT = """
import importlib.machinery, importlib.util, sys, torch
name, path = sys.argv[1:]
loader = importlib.machinery.ExtensionFileLoader(name, path)
spec = importlib.util.spec_from_file_location(name, path, loader=loader)
loader.exec_module(importlib.util.module_from_spec(spec))
"""


def said(output: str, options: argparse.Namespace, place: Path) -> list[str]:
    """The lines that say what went wrong, without the machine's paths."""
    lines = []
    for line in _ERROR.findall(output):
        for folder, word in (
            (place, "TREE"),
            (options.python.parents[1], "ENV"),
            (options.work, "W"),
        ):
            line = line.replace(str(folder), word)
        line = re.sub(r"/tmp/[\w.-]+/", "TMP/", line.strip())[:240]
        if line not in lines and not _NOISE.search(line):
            lines.append(line)
    return lines[:8]


def doctor(options: argparse.Namespace, place: Path) -> list[Row]:
    """What the doctor says of a tree."""
    answer = json.loads(gpufix(options, "doctor", str(place), "--format", "json"))
    keys = ("code", "severity", "subject", "message")
    rows = [{key: row[key] for key in keys} for row in answer["findings"]]
    text = json.dumps(rows).replace(str(options.python.parents[1]), "ENV")
    return json.loads(text.replace(str(options.work), "W"))


def environment(options: argparse.Namespace, variables: dict[str, str | None]) -> dict[str, str]:
    """The variables of one build."""
    env = {**os.environ, **options.variables, "CFLAGS": "-O0 -g0"}  # parsing is what counts
    env |= {name: text for name, text in variables.items() if text is not None}
    for name in [name for name, text in variables.items() if text is None]:
        env.pop(name, None)
    return {**env, "MAX_JOBS": options.jobs, "PATH": f"{options.python.parent}:{env['PATH']}"}


def build(
    options: argparse.Namespace, place: Path, folder: str, variables: dict[str, str | None]
) -> Row:
    """What became of `pip install` of one folder."""
    site = options.work / "site" / place.name
    shutil.rmtree(site, ignore_errors=True)
    command = [str(options.python), "-m", "pip", "install", "-v", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(site), str(place / folder)]
    log = options.work / f"{place.name}.log"
    start, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("w") as file:
        child = subprocess.Popen(
            ["prlimit", f"--cpu={options.minutes * 60}", *command],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment(options, variables),
        )
        code = child.wait()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    lines = said(log.read_text(errors="replace"), options, place) if code else []
    libraries = [library(options, site, path) for path in sorted(site.rglob("*.so"))]
    shutil.rmtree(site, ignore_errors=True)
    return {
        "built": not code,
        "seconds": round(time.monotonic() - start),
        "cpu": round(spent),
        "said": lines,
        "libraries": libraries,
    }


def library(options: argparse.Namespace, site: Path, path: Path) -> Row:
    """What an extension carries, by two readers, and whether it imports."""
    name = path.name.split(".")[0]
    answer = subprocess.run(
        [str(options.python), "-c", _IMPORT, name, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    dump = next(
        options.python.parents[1].glob("lib/*/site-packages/triton/backends/nvidia/bin/cuobjdump")
    )
    listed = [
        subprocess.run(
            [str(dump), what, str(path)], capture_output=True, text=True, check=False
        ).stdout
        for what in ("-lelf", "-lptx")
    ]
    seen = json.loads(gpufix(options, "inspect", str(path), "--format", "json"))
    return {
        "name": str(path.relative_to(site)),
        "cuobjdump": [sorted(set(re.findall(r"\bsm_\d+[af]?\b", text))) for text in listed],
        "inspect": inspected(seen),
        "imports": "yes" if not answer.returncode else answer.stderr.strip().splitlines()[-1][:200],
    }


def inspected(answer: Any) -> list[str]:
    """The architectures that `gpufix inspect` read."""
    return sorted(
        set(re.findall(r"\b(?:sm|compute)_\d+[af]?\b", json.dumps(answer.get("files", answer))))
    )


def outcome(row: Row, gpu: str) -> str:
    """One word for a build."""
    if not row["built"]:
        return "fails"
    if not any(any(each["cuobjdump"]) for each in row["libraries"]):
        return "no GPU code"
    if any(gpu not in each["cuobjdump"][0] for each in row["libraries"] if any(each["cuobjdump"])):
        return "not for the target"
    return (
        "built" if all(each["imports"] == "yes" for each in row["libraries"]) else "does not import"
    )


def before(options: argparse.Namespace, tree: Path, folder: str) -> Row:
    """As the tree is."""
    place = copy(tree, options)
    findings = doctor(options, place)
    return {"findings": findings, **build(options, place, folder, {})}


def after(options: argparse.Namespace, tree: Path, folder: str, earlier: Row) -> Row:
    """With the safe plans and the variables of the environment file."""
    place = copy(tree, options)
    pristine = place.with_name(f"{place.name}.before")
    shutil.rmtree(pristine, ignore_errors=True)
    shutil.copytree(place, pristine, symlinks=True)
    # SRC606's plan would build and install the tree: that is done below, and read back
    asked = ("fix", str(place), "--apply", "--ignore", "SRC606", "--format", "json")
    answer = json.loads(gpufix(options, *asked))
    env = json.loads(gpufix(options, "env", str(place), "--build", "--format", "json"))["variables"]
    files = changed(pristine, place)
    shutil.rmtree(pristine)
    row: Row = {
        "state": answer.get("state"),
        "plans": [plan["title"] for plan in answer.get("plans", ())],
        "files": files,
        "variables": {k: v for k, v in env.items() if k not in ("MAX_JOBS", "CPATH")},
        "left": doctor(options, place),
    }
    if not files and earlier["outcome"] == "built":
        return {**row, "same": True, **{k: earlier[k] for k in ("built", "said", "libraries")}}
    variables = {k: v for k, v in env.items() if isinstance(v, str | None)}
    return {**row, **build(options, place, folder, variables)}


def main() -> int:
    """Every tree that is not in the file yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--python", type=Path)
    parser.add_argument("--gpu", default="sm_120")
    parser.add_argument("--clones", type=Path)
    parser.add_argument("--gitlinks", type=Path)
    parser.add_argument("--minutes", type=int, default=15)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gpufix", type=Path, default=HERE.parents[1])
    parser.add_argument("--part", choices=("before", "after"), action="append")
    parser.add_argument("--jobs", default="2")
    parser.add_argument("tree", nargs="*")
    options = parser.parse_args()
    rows = (
        [json.loads(line) for line in options.out.read_text().splitlines()]
        if options.out.exists()
        else []
    )
    options.python = options.python.absolute() / "bin/python"
    options.work = options.work.absolute()
    options.variables = {
        "TORCH_CUDA_ARCH_LIST": f"{options.gpu[3:-1]}.{options.gpu[-1]}",
        "XDG_STATE_HOME": str(options.work / "state"),
        "XDG_CACHE_HOME": str(options.work / "cache"),
    }
    done = {(row["tree"], row["part"]): row for row in rows}
    for text in options.tree:
        name, _, folder = text.partition(":")
        for part in options.part or ("before", "after"):
            if (text, part) in done:
                continue
            print(text, part, time.strftime("%H:%M:%S"), flush=True)
            tree = options.trees / name
            row = (
                before(options, tree, folder)
                if part == "before"
                else after(options, tree, folder, done[text, "before"])
            )
            row = {"tree": text, "part": part, "outcome": outcome(row, options.gpu), **row}
            row["revision"] = revision(options.gpufix)
            done[text, part] = row
            keep(options.out, row)
            shutil.rmtree(options.work / "copies" / name, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
