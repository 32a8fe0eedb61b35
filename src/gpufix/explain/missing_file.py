"""A file that a program asks for by its path, and that is not there: an error that no row knows."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, without_row
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import LogScan
from gpufix.explain.releases_with import pip_name

_ERROR = re.compile(r"^[ \t│|>]{0,8}(?:[\w.]{1,80}\.)?[A-Z]\w{1,60}(?:Error|Exception)\b", re.M)
_ABSENT = re.compile(
    r"(?P<error>FileNotFoundError: \[(?:Errno 2|WinError [23])\] [^\n:]{1,80}: (?P<quote>['\"])(?P<path>[^'\"\n]{1,300})(?P=quote))"
)
_WHOLE = re.compile(r"[/\\~]|[A-Za-z]:[\\/]")
_REACH = 12_000  # characters of the end


def missing_file(found: LogScan) -> Explanation | None:
    """None where the last error is another one."""
    text = found.end(_REACH)
    last = [*_ERROR.finditer(text)][-1:]
    absent = _ABSENT.search(text, last[0].start()) if last else None
    if absent is None or text.count("\n", last[0].start(), absent.start()):
        return None
    path = absent["path"].replace("\\\\", "\\")
    before = text[: absent.start()]
    shown = [one for one in frames(before) if not one.of_torch]
    package = shown[-1].package if shown else None
    place = (
        "" if _WHOLE.match(path) else " The path begins at the folder in which Python was started."
    )
    own = (
        f" Where {package} itself should have written it, its release and that of what it calls do not fit: `pip install -U {pip_name(package)}`, "
        "or the releases that the project's requirements name."
        if package
        else ""
    )
    return without_row(
        "missing-file",
        "symptom",
        f"There is no {path}.{place}",
        "Look whether it is there under another name or in another folder (`ls`). A relative path: start in the project's folder, or give the whole "
        "path in the option or configuration that names it. What a download, an archive or an earlier step has to bring: run that first, and see that "
        f"it ended well. In a container: mount the folder.{own}",
        absent["error"],
        line=found.first_line(text) + text.count("\n", 0, absent.start()),
    )
