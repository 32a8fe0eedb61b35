"""A CMake run that stops with words of its own, which no row knows."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, without_row
from gpufix.explain.log_scan import LogScan
from gpufix.explain.prefilter import plain

_STOP = re.compile(
    r"^(?P<margin>[^\n]{0,60}?)CMake Error at (?P<file>[^\n]{1,300}?):\d{1,5} \((?P<command>\w{1,60})\):[ \t]*$",
    re.M,
)
_ENDS = re.compile(r"Call Stack|-- |CMake (?:Error|Warning)|Traceback|\[end of output|\S")
_LACKS = re.compile(
    r"(?:could not|couldn't|cannot|can't|unable to|failed to) (?:be )?(?:find|found|locate|detect)|not (?:be )?found|is missing|not installed"
    r"|no such file",
    re.IGNORECASE,
)
_MOST = 400  # characters of what it says


def cmake_stops(found: LogScan) -> Explanation | None:
    """The first stop with a sentence below it; None where CMake says nothing."""
    text = plain(found.head.decode("utf-8", "replace"))
    for stop in _STOP.finditer(text):
        if said := _below(text[stop.end() + 1 :], len(stop["margin"])):
            return _told(said, stop["file"], text.count("\n", 0, stop.start()) + 1)
    return None


def _below(after: str, margin: int) -> str:
    """The indented lines below, in one."""
    lines: list[str] = []
    for whole in after.split("\n"):
        line = whole[margin:]
        if line.strip() and (not line.startswith("  ") or (lines and _ENDS.match(line))):
            break
        lines.append(line.strip(" !*#="))
        if len(lines) > 30:
            break
    return " ".join(" ".join(lines).split())[:_MOST].strip()


def _told(said: str, file: str, line: int) -> Explanation:
    own = file.rpartition("/")[2]
    do = (
        "Install what it names with its development files. Or name its folder: -DNAME_ROOT=…, -DNAME_DIR=… (of its *Config.cmake), CMAKE_PREFIX_PATH. "
        "Under pip that goes by `CMAKE_ARGS=-D… pip install …`. Each time in an empty build folder."
        if _LACKS.search(said)
        else "It is the project's own check: do what it asks for, in an empty build folder. pip passes options on by `CMAKE_ARGS=-D… pip install …`."
    )
    return without_row(
        "cmake-stops",
        "symptom",
        f"CMake stops ({own}): {said}",
        do,
        said,
        source="what CMake prints",
        line=line,
    )
