"""What NVML says of its GPUs' health; see nvml_health.py, which asks it in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any

import gpufix
from gpufix.facts.context import CollectContext
from gpufix.facts.machine.nvidia import binding
from gpufix.facts.node.unread import Unread
from gpufix.facts.reading import json_number, json_text, text
from gpufix.frozen import Frozen
from gpufix.model import NodeGpu
from gpufix.process import Finished, Limits, NotStarted, Program, run

_CODE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from gpufix.facts.node.nvml_health import main; main()"
)
_OUTPUT, _LONG = 4 << 20, 300
_PATIENCE = 0.1  # of a killed process: one that waits in the driver never goes
_TEXTS = ("address", "name", "vbios", "error")


class NvmlAnswer(Frozen):
    """What it said before it ended or hung. `survey`: as facts.machine.nvidia knows one.

    gpus None: NVML gave no list. opens: of GPUs that are on the bus and not in the list. unread: of
    these parts, why they are missing, or not whole.
    """

    survey: dict[str, Any]
    gpus: list[NodeGpu] | None = None
    look: float | None = None
    opens: dict[str, str] | None = None
    unread: dict[str, str] = field(default_factory=dict)


def ask_health(ctx: CollectContext, nodes: Mapping[str, str], seconds: float) -> NvmlAnswer:
    """`nodes`: the device node of each GPU on the bus. Raises Unread where NVML was not asked."""
    module = binding()
    if module is None:
        raise Unread("the nvidia-ml-py module is not installed beside gpufix")
    root = str(Path(gpufix.__file__).parent.parent)
    command = [sys.executable, "-I", "-S", "-B", "-c", _CODE, root, module, json.dumps(dict(nodes))]
    limits = Limits(seconds, kept=_OUTPUT, most=_OUTPUT, grace_s=0.0, patience_s=_PATIENCE)
    try:
        return _read(run(Program(command, ctx.environ), limits))
    except NotStarted as error:
        raise Unread(text(str(error))) from None


def _read(ended: Finished) -> NvmlAnswer:
    answer = _Answer()
    try:
        for line in _lines(ended.out):
            answer.take(line)
        gpus = None if answer.count is None else list(answer.gpus())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unread(f"unusable answer: {error!r}") from None
    reason = answer.reason(ended)
    unread = {"gpus": reason} if reason else {}
    return NvmlAnswer(answer.survey, gpus, answer.look, answer.opens, unread)


def _lines(raw: bytes) -> Iterator[dict[str, Any]]:
    """Whole lines; the last may be cut where the process was killed."""
    for line in raw.split(b"\n")[:-1]:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise TypeError("a line is no object")
        yield found


class _Answer:
    """The lines put together."""

    def __init__(self) -> None:
        self.survey: dict[str, Any] = {}
        self.count: int | None = None
        self.rows: dict[int, dict[str, Any]] = {}
        self.again: dict[int, dict[str, int]] = {}
        self.look: float | None = None
        self.opens: dict[str, str] | None = None
        self.at: int | None = None
        self.failure: str | None = None

    def take(self, line: dict[str, Any]) -> None:
        """One line."""
        if "failure" in line:
            self.failure = json_text(line["failure"])
        elif "at" in line:
            self.at = json_number(line["at"])
        elif "gpu" in line:
            self.rows[json_number(line["gpu"]["index"])] = line["gpu"]
        elif "again" in line:
            self.again[json_number(line["again"])] = dict(line["counters"])
            self.look = round(float(line["look"]), 3)
        elif "opens" in line:
            self.opens = {json_text(k): json_text(v) for k, v in line["opens"].items()}
        else:
            self.survey = line
            self.count = line.get("count") if "error" not in line else None

    def reason(self, ended: Finished) -> str | None:
        """Why something is missing, None where nothing is."""
        if self.failure or "error" in self.survey:
            return text(str(self.failure or self.survey["error"])[:_LONG])
        if ended.problem or ended.code:
            problem = ended.problem or f"its process ended with status {ended.code}"
            return f"NVML {problem}{f', at GPU {self.at}' if self.at is not None else ''}"
        return None if self.opens is not None else "NVML gave no whole answer"

    def gpus(self) -> Iterator[NodeGpu]:
        """As records, those that it did not come to as well; a value of another kind raises."""
        for index in range(self.count or 0):
            row = self.rows.get(index, {"index": index})
            row = {name: value for name, value in row.items() if name in _KNOWN}
            for name in _TEXTS:
                if row.get(name) is not None:
                    row[name] = json_text(row[name])[:_LONG]
            if index in self.again and not row.get("error"):
                row.update(_compared(row, self.again.get(index, {})))
            yield NodeGpu(vendor="nvidia", **row)


_KNOWN = {declared.name for declared in fields(NodeGpu)} - {"vendor", "risen"}


def _compared(row: dict[str, Any], later: dict[str, int]) -> dict[str, Any]:
    """What rose since the first sample; clock events count where both samples have them."""
    events, again = row.get("clock_events"), later.get("clock_events")
    both = {} if events is None or again is None else {"clock_events": events & again}
    risen = {
        name: value - row[name]
        for name, value in later.items()
        if name != "clock_events" and isinstance(row.get(name), int)
    }
    return {**both, "risen": risen}
