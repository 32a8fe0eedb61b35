"""Cases, tools and records of a test's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from clinic.adapter import Adapter
from clinic.case import Case
from clinic.runner import Record, Said

FAILS = [{"run": ["false"], "exit": "fails", "proves": "it fails"}]
WORKS = [{"run": ["true"], "proves": "it works"}]


def case(**more: Any) -> Case:
    """A broken environment, unless told otherwise."""
    healthy = more.get("healthy", False)
    base: dict[str, Any] = {
        "folder": Path("/nowhere"),
        "id": "made-up",
        "title": "A made-up case",
        "kind": "environment",
        "family": "torch",
        "mechanism": "none",
        "frozen": date(2026, 11, 30),
        "recipe": {"project": "tree"} if more.get("kind") == "tree" else {},
        "truth": WORKS if healthy else FAILS,
    }
    if not healthy:
        base["cause"] = {"name": "library-missing", "subject": [r"libfoo\.so"]}
        base["remedy"] = {"text": "it is there", "check": [["true"]]}
    return Case(**base | more)


def tool(**reading: Any) -> Adapter:
    """A tool that prints a line for each thing, with the rubric of a loader."""
    return Adapter(
        name="made-up",
        version="1",
        home="https://example.org",
        about="A made-up tool.",
        run={"diagnose": ["doctor"]},
        reading={"alarm": "^ERROR", "warning": "^WARNING"} | reading,
        cause=[
            {"name": "library-missing", "any": ["cannot open", "SYM402"]},
            {"name": "version-conflict", "any": ["requires"]},
        ],
    )


def record(output: str | None, **more: Any) -> Record:
    said = None if output is None else Said(exit=0, seconds=1.0, output=output)
    return Record(
        case="made-up", content="0", tool="made-up", version="1", how="0", said=said, **more
    )
