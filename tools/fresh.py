"""Tries the README's two commands and .ci/run on machines that have nothing but what it names.

    make fresh
    python tools/fresh.py [--list] [--only NAME ...] [--state DIR] [--roots DIR] [--mirror URL]
        [--no-local] [--doctor] [--again] [--keep]

Each row of tools/fresh_roots/rows.py is a clean Debian made by debootstrap, a user, a place and a
command. Needs root, debootstrap and Debian's servers; elsewhere it says what is missing and ends
well. What is green is recorded below --state: the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from fresh_roots import source
from fresh_roots.bases import BaseError, Bases, remove
from fresh_roots.host import read_host
from fresh_roots.readme import ROOT
from fresh_roots.rows import ROWS, Row
from fresh_roots.sandbox import reason_against
from fresh_roots.summary import line, table
from fresh_roots.trial import Result, Step, Trial

MEGABYTES = (
    12_000  # the roots of one Debian with compilers and without, a copy, and what is made in it
)
NAMES = [row.name for row in ROWS]


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the rows")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=NAMES, help="these rows alone")
    parser.add_argument(
        "--state", type=Path, default=ROOT / "build" / "fresh", help="logs and results"
    )
    parser.add_argument(
        "--roots", type=Path, help="clean roots to start from, kept (else below --state)"
    )
    parser.add_argument("--mirror", help="where Debian is taken from (else what apt says)")
    parser.add_argument(
        "--no-local", action="store_true", help="without the folders of wheels that pip is told of"
    )
    parser.add_argument("--doctor", action="store_true", help="the first command alone, unrecorded")
    parser.add_argument("--again", action="store_true", help="also what was green with these files")
    parser.add_argument(
        "--keep", action="store_true", help="keep the root of each row, to look at it"
    )
    return parser.parse_args(arguments)


def main() -> int:
    """Try the rows; 0 when all are green, or when none can be tried here."""
    given = options()
    if given.list:
        print("\n".join(NAMES))
        return 0
    given.state.mkdir(parents=True, exist_ok=True)
    reason = reason_against(given.state, MEGABYTES)
    if reason:
        print(f"fresh: skipped: {reason}")
        return 0
    signal.signal(signal.SIGTERM, end)
    with ExitStack() as stack:
        lock = stack.enter_context((given.state / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"fresh: another run is using {given.state}")
            return 1
        return sweep(given)


def end(*_: object) -> None:
    """End as with Ctrl-C; what is tidied up then is not interrupted again."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def sweep(given: argparse.Namespace) -> int:
    """Try what is not known to be green yet; print and record."""
    rows = [row for row in ROWS if row.name in (given.only or NAMES)]
    if not source.is_clone():
        print("fresh: no git or no repository is here: the rows that clone one are left out")
        rows = [row for row in rows if row.tarball]
    digest, host = source.digest(), read_host(given.mirror, not given.no_local)
    roots = given.roots or given.state / "roots"
    roots.mkdir(parents=True, exist_ok=True, mode=0o700)
    remove(given.state / "root")  # of a run that was killed, or kept
    for folder in ("logs", "results", "root"):
        (given.state / folder).mkdir(exist_ok=True)
    results = []
    try:
        for row in rows:
            result = None if given.again or given.doctor else known(given.state, row, digest)
            if result is None:
                bases = Bases(roots, host, given.state / "logs" / f"{row.suite}.log")
                log = given.state / "logs" / f"{row.name}.log"
                trial = Trial(row, bases, log, given.state / "root" / row.name, given.doctor)
                result = tried(trial, digest, given.keep)
                if not given.doctor:
                    record(given.state, result)
            print(line(result), flush=True)
            results.append(result)
    except KeyboardInterrupt:
        print("fresh: interrupted; the same command goes on with the rows that are not green yet")
        return 130
    text = table(rows, results)
    (given.state / "summary.md").write_text(text, encoding="utf-8")
    print(text)
    if given.roots is None and not given.only:
        remove(roots)
    return 0 if all(result.ok for result in results) else 1


def tried(trial: Trial, digest: str, keep: bool) -> Result:
    """The row's result; the end of its log is shown where it is red."""
    trial.log.write_bytes(b"")
    print(f"{trial.row.name} … ({trial.log})", flush=True)
    try:
        result = trial.run(digest, keep)
    except BaseError as error:
        result = Result(trial.row.name, digest, why=f"{error} ({trial.bases.log})")
    if not result.ok:
        sys.stdout.writelines(f"    {text}\n" for text in tail(trial.log))
    return result


def tail(log: Path) -> Iterable[str]:
    """The log's last lines."""
    return log.read_text("utf-8", "replace").splitlines()[-25:]


def record(state: Path, result: Result) -> None:
    """Keep a result for the next time."""
    text = json.dumps(result.recorded(), indent=1)
    (state / "results" / f"{result.name}.json").write_text(text, encoding="utf-8")


def known(state: Path, row: Row, digest: str) -> Result | None:
    """The green result of the same files, if there is one."""
    try:
        read = json.loads((state / "results" / f"{row.name}.json").read_text("utf-8"))
        result = Result(**{**read, "steps": [Step(**step) for step in read["steps"]]})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return result if result.ok and result.digest == digest else None


if __name__ == "__main__":
    sys.exit(main())
