"""Readers of what is given to gpufix, and of what it wrote: snapshots, baselines, logs, journals."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz_target import Target, as_file

TESTS = Path(__file__).parent.parent / "tests"


def snapshot() -> Callable[[bytes], object]:
    """What `--facts` reads."""
    from gpufix.diagnosis.redaction import load

    return lambda data: load(Path(as_file(data)))


def judged() -> Callable[[bytes], object]:
    """What `--facts` reads is judged: no check may crash on it."""
    from gpufix.diagnosis.diagnose import Request, diagnose
    from gpufix.diagnosis.redaction import load

    def read(data: bytes) -> object:
        diagnosis = diagnose(load(Path(as_file(data))), Request(), None)
        assert "DOC001" not in {found.code for found in diagnosis.findings}, diagnosis.findings
        return None  # what is found may be long

    return read


def snapshot_errors() -> tuple[type[BaseException], ...]:
    from gpufix.diagnosis.redaction import CorruptFacts

    return (CorruptFacts,)


def baseline() -> Callable[[bytes], object]:
    from gpufix.diagnosis.baseline import load

    return lambda data: load(Path(as_file(data)))


def baseline_errors() -> tuple[type[BaseException], ...]:
    from gpufix.diagnosis.baseline import NotBaseline

    return (NotBaseline,)


def answers() -> Callable[[bytes], object]:
    """What `fleet report` reads is compared and judged."""
    from gpufix.fleet.inputs import read_all
    from gpufix.fleet.report import FleetRequest, report
    from gpufix.report.fleet import table

    def read(data: bytes) -> object:
        table.lines(report(read_all([as_file(data)]), FleetRequest())).plain().encode()
        return None

    return read


def _answers() -> Iterator[bytes]:
    from gpufix.fleet.wire import encode

    host = {"os": "Linux", "kernel": "6.8", "machine": "x86_64"}
    facts = {"schema_version": 1, "gpufix_version": "1", "host": host, "gaps": []}
    gpu = {"vendor": "nvidia", "index": 0, "source": "nvml"}
    for more in (
        {},
        {"gpus": [gpu]},
        {"distributions": [{"name": "a", "version": "1", "location": "/"}]},
    ):
        bare = json.dumps({**facts, **more})
        whole = encode({"gpufix_fleet": 1, "gpufix": "1", "node": "n1", "facts": {**facts, **more}})
        yield f"n1: {bare}\nn2: {bare}\nn3: {whole}\n".encode()
    yield b"gpufix-fleet:0:n1:the look ended with 98\n"


def smoke() -> Callable[[bytes], object]:
    from gpufix.smoke.save import load

    return lambda data: load(Path(as_file(data)))


def smoke_errors() -> tuple[type[BaseException], ...]:
    from gpufix.smoke.save import CorruptSave

    return (CorruptSave,)


def log() -> Callable[[bytes], object]:
    from gpufix.explain.read import read

    return lambda data: read(io.BytesIO(data))[0]


def journal() -> Callable[[bytes], object]:
    from gpufix.engine.journal.journal import parse

    return parse


def listing() -> Callable[[bytes], object]:
    import hashlib

    from gpufix.engine.journal.listing import load

    return lambda data: load(Path(as_file(data)), hashlib.sha256(data).hexdigest())


def journal_errors() -> tuple[type[BaseException], ...]:
    from gpufix.engine.journal.journal import CorruptJournal

    return (CorruptJournal,)


def _snapshots() -> Iterator[bytes]:
    paths = sorted(TESTS.glob("clinic/*/facts.json"), key=lambda path: path.stat().st_size)
    yield from (path.read_bytes() for path in paths[:3])


def _journals() -> Iterator[bytes]:
    from gpufix.engine.journal.journal import line

    yield line({"a": 1}) + line({"step": 0, "kind": "install", "scopes": ["/a", "/b"]})


def _listings() -> Iterator[bytes]:
    entry = ["file", 420, 3, 5, 7, 1, 2, None, "link", 1]
    yield b'["/a", null]\n' + json.dumps(["/b", entry]).encode() + b"\n"
    yield json.dumps({"/a": None, "/b": entry}).encode()


def _logs() -> Iterator[bytes]:
    text = (TESTS / "messages" / "seen.toml").read_text(encoding="utf-8")
    parts = [part for part in text.split("'''")[1::2] if len(part) < 2000]
    yield from (part.encode() for part in parts[::12])
    yield b"\xff\xfe" + "ImportError: libcudart.so.12: cannot open shared object file".encode(
        "utf-16-le"
    )


TARGETS = {
    "snapshot": Target(snapshot, snapshot_errors, _snapshots),
    "judged": Target(judged, snapshot_errors, _snapshots),
    "baseline": Target(baseline, baseline_errors, lambda: [
        b'{"gpufix_baseline": 1, "accepted": [{"code": "SRC605", "subject": "glm", "severity": "error",'
        b' "message": "m", "places": ["a"], "reason": "r"}]}',
    ]),
    "answers": Target(answers, seeds=_answers),
    "smoke": Target(smoke, smoke_errors, lambda: [b'{"schema_version": 1, "results": [], "targets": []}']),
    "log": Target(log, seeds=_logs),
    "journal": Target(journal, journal_errors, _journals),
    "listing": Target(listing, journal_errors, _listings),
}  # fmt: skip
