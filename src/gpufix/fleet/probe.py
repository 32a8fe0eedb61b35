"""What runs on a node: look, judge so that every answer is recorded, redact, print one line."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gpufix
from gpufix.diagnosis.diagnose import Request, examine
from gpufix.diagnosis.redaction import redacted
from gpufix.facts.collect import collect
from gpufix.facts.context import CollectContext
from gpufix.facts.node import collect as node
from gpufix.facts.project.project import ConfigError
from gpufix.facts.python.interpreter import NoInterpreter
from gpufix.facts.queries import Queries
from gpufix.fleet.wire import encode
from gpufix.frozen import Frozen

NVML_SECONDS = 5.0  # a node of eight GPUs without persistence mode takes seconds to start them
_NAMES = ("GPUFIX_NODE", "SLURMD_NODENAME", "NODE_NAME")  # NODE_NAME: Kubernetes' manifests set it


class Wanted(Frozen):
    """What to look at. `node`: what this node is called, None = it says so itself.

    `defer`: leave out the bytes of an environment on shared storage. `seconds`: how long it may take.
    """

    python: str | None = None
    project: str | None = None
    node: str | None = None
    deep: bool = False
    defer: bool = False
    seconds: str | None = None


def name() -> str:
    """What this node is called."""
    return next(filter(None, map(os.environ.get, _NAMES)), "") or platform.node() or "localhost"


def look(wanted: Wanted) -> dict[str, Any]:
    """This node's answer, as JSON values."""
    begin, spent = time.monotonic(), time.process_time()
    answer: dict[str, Any] = {
        "gpufix_fleet": 1,
        "gpufix": gpufix.__version__,
        "node": wanted.node or name(),
        "python": platform.python_version(),
        "streamed": bool(os.environ.get("GPUFIX_STREAMED")),
        "there": os.environ.get("GPUFIX_THERE"),
    }
    project = Path(wanted.project).resolve() if wanted.project else None
    ctx = CollectContext(deep=wanted.deep, compare=True, defer=wanted.defer, progress=_say)
    try:
        facts = collect(ctx, wanted.python, project)
        facts = replace(facts, node=node.look(ctx, NVML_SECONDS).node, gaps=list(ctx.gaps))
    except (NoInterpreter, NotADirectoryError, ConfigError) as error:
        return {**answer, "problem": str(error)}
    _say("rules")
    view = examine(facts, Request(), Queries.of(facts)).view
    whole = replace(facts, answers=view.answers, gaps=[*facts.gaps, *view.gaps])
    answer["facts"] = redacted(whole)
    answer["deferred"] = wanted.defer and facts.storage is not None and facts.storage.network
    answer["seconds"] = round(time.monotonic() - begin, 3)
    answer["cpu_seconds"] = round(time.process_time() - spent, 3)
    return answer


def _say(section: str) -> None:
    """Where it is now: of a node that hangs, this is the last that is heard."""
    print(f"gpufix: at {section}", file=sys.stderr, flush=True)


def run(wanted: Wanted) -> None:
    """Print the answer. At the limit the process ends, whoever has stopped to listen."""
    if wanted.seconds and wanted.seconds.isdigit():
        signal.alarm(int(wanted.seconds) + 5)
    print(encode(look(wanted)), flush=True)
