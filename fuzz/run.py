"""Coverage-guided fuzzing of gpufix's readers; fuzz/README.md says how.

python fuzz/run.py                      the targets and their figures so far
python fuzz/run.py TARGET --seconds N   go on fuzzing one (needs atheris)
python fuzz/run.py TARGET --pump N      repeat pieces of the corpus N times 64 KiB long
python fuzz/run.py TARGET --keep BYTES  the smallest inputs that reach all lines into fuzz/corpus
python fuzz/run.py TARGET FILE...       read these inputs
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imported_sources
import machine_code
import mutations
import package_records
import project_sources
import saved_files
from fuzz_target import SLOWER, BadAnswer, Target, checked

HERE = Path(__file__).resolve().parent
STATE = HERE.parent / "build" / "fuzz"
TARGETS: dict[str, Target] = {
    **imported_sources.TARGETS, **machine_code.TARGETS, **package_records.TARGETS, **project_sources.TARGETS, **saved_files.TARGETS,
}  # fmt: skip
MEMORY = 256  # MiB beside what the reader takes when it is loaded
_STATUS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)")
_INTERRUPTED = 128 + signal.SIGINT
_TICKS = os.sysconf("SC_CLK_TCK")


def corpus(name: str) -> Path:
    """The folder of inputs found so far: begun with those of the repository and the seeds."""
    folder = STATE / name / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    kept = HERE / "corpus" / name
    for data in (*TARGETS[name].seeds(), *(p.read_bytes() for p in sorted(kept.glob("*")))):
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    return folder


def figures(name: str) -> dict[str, Any]:
    """What has been done: executions, edges, CPU seconds, and how many of them since the last edge."""
    file = STATE / name / "figures.json"
    begun = {"executions": 0, "edges": 0, "seconds": 0.0, "quiet": 0.0}
    return json.loads(file.read_text()) if file.exists() else begun


def fuzz(name: str, seconds: int) -> int:
    """A run in a process of its own; its figures are added to those before. Its exit code."""
    folder, crashes = corpus(name), STATE / name / "crashes"
    crashes.mkdir(exist_ok=True)
    command = [sys.executable, __file__, name, "--worker", str(folder)]
    command += [f"-max_total_time={seconds}", "-timeout=60", f"-artifact_prefix={crashes}/"]
    command += [f"-max_len={TARGETS[name].longest}", f"-rss_limit_mb={MEMORY + 512}"]
    done, last = figures(name), 0.0
    cpu, ran, edges = 0.0, 0, 0
    with (STATE / name / "log").open("a") as log:
        fixed = {**os.environ, "PYTHONHASHSEED": "0"}  # sets have one order in every run
        child = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=log, text=True, errors="replace", env=fixed
        )
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the child; its figures are kept
        for line in child.stderr or ():
            log.write(line)
            if status := _STATUS.match(line):
                cpu, ran = _cpu(child.pid) or cpu, int(status[1])
                if int(status[2]) > edges:
                    edges, last = int(status[2]), cpu
    code = child.wait()
    new = edges > done["edges"]
    done = {
        "executions": done["executions"] + ran,
        "edges": max(edges, done["edges"]),
        "seconds": round(done["seconds"] + cpu, 1),
        "quiet": round(cpu - last if new else done["quiet"] + cpu, 1),
    }
    (STATE / name / "figures.json").write_text(json.dumps(done))
    found = f"FINDING: see {crashes}" if any(crashes.iterdir()) else f"exit code {code}"
    ended = {0: "", _INTERRUPTED: "interrupted"}.get(code, found)
    print(name, json.dumps(done), ended, flush=True)
    return code


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def worker(name: str, arguments: list[str]) -> None:
    """libFuzzer: never returns. The seeds are read first, so that what is imported late is seen, too."""
    import atheris

    os.environ["PATH"] = ""  # no c++filt is started for a name
    with atheris.instrument_imports(include=["gpufix"]):
        first = checked(TARGETS[name], math.inf)  # imports take their time
        for data in TARGETS[name].seeds():
            first(data)
    inputs = (path.read_bytes() for path in sorted(Path(arguments[0]).iterdir()))
    mutator = mutations.Mutator(inputs, mutations.words(), lambda *given: atheris.Mutate(*given))
    one_input = checked(TARGETS[name], SLOWER)
    atheris.Setup([sys.argv[0], *arguments], one_input, custom_mutator=mutator)
    atheris.Fuzz()


def pump(name: str, times: int) -> int:
    """What is linear stays so: pieces of known inputs, repeated up to the longest input."""
    one_input, longest = checked(TARGETS[name]), TARGETS[name].longest
    inputs, chance = (
        [path.read_bytes() for path in sorted(corpus(name).iterdir())],
        random.Random(1),
    )
    for _ in range(times):
        data = chance.choice(inputs)
        at = chance.randrange(len(data) + 1)
        piece = data[at : at + chance.choice((1, 2, 3, 5, 8, 16, 40, 100))] or b"\n"
        whole = data[:at] + piece * ((longest - len(data)) // len(piece)) + data[at:]
        if not _reads(name, one_input, whole[:longest]):
            return 1
    print(f"{name}: {times} pumped inputs")
    return 0


def _reads(name: str, one_input: Callable[[bytes], None], data: bytes) -> bool:
    try:
        one_input(data)
    except Exception as error:
        file = STATE / name / f"finding-{hashlib.sha1(data).hexdigest()[:12]}"
        file.write_bytes(data)
        print(f"{name}: {file}: {type(error).__name__}: {str(error)[:300]}", flush=True)
        return False
    return True


def keep(name: str, size: int) -> None:
    """The smallest inputs first, each that reaches a line after a line as no seed and none before it does."""
    one_input = checked(TARGETS[name], 100)
    known = {step for data in TARGETS[name].seeds() for step in _steps(one_input, data)}
    folder, left = HERE / "corpus" / name, size
    candidates = sorted((p.read_bytes() for p in corpus(name).iterdir()), key=len)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for data in candidates:
        if len(data) > left:
            break
        reached = set(_steps(one_input, data))
        if reached - known:
            known |= reached
            left -= len(data)
            (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
    print(f"{name}: {len(list(folder.iterdir()))} inputs, {size - left} bytes", flush=True)


def _steps(one_input: Callable[[bytes], None], data: bytes) -> Iterator[tuple[str, int, int]]:
    """From which line of gpufix to which the reading goes."""
    found: set[tuple[str, int, int]] = set()

    def trace(frame: Any, event: str, argument: object) -> Any:
        name = frame.f_code.co_filename
        if "/gpufix/" not in name:
            return None
        before = 0

        def line(frame: Any, event: str, argument: object) -> Any:
            nonlocal before
            found.add((name, before, frame.f_lineno))
            before = frame.f_lineno
            return line

        return line

    sys.settrace(trace)
    try:
        one_input(data)
    except BadAnswer:
        pass
    finally:
        sys.settrace(None)
    return iter(found)


def main() -> int:
    if sys.argv[2:3] == ["--worker"]:
        worker(sys.argv[1], sys.argv[3:])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("target", nargs="?", choices=TARGETS)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--pump", type=int)
    parser.add_argument("--keep", type=int)
    given = parser.parse_args()
    if given.target is None:
        for name in TARGETS:
            print(
                f"{name:14}", *(f"{key} {value}" for key, value in figures(name).items()), sep="  "
            )
        return 0
    one_input = checked(TARGETS[given.target]) if given.files else None
    if one_input and not all(_reads(given.target, one_input, f.read_bytes()) for f in given.files):
        return 1
    if given.seconds and (code := fuzz(given.target, given.seconds)):
        return code
    if given.pump and (code := pump(given.target, given.pump)):
        return code
    if given.keep:
        keep(given.target, given.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
