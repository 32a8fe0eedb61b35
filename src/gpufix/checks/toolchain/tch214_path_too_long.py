"""TCH214."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.building import builds
from gpufix.evidence.view import View
from gpufix.model import Facts
from gpufix.model.payload import LongPath
from gpufix.text.clean import and_more

_MOST = 259  # characters; with the NUL behind them MAX_PATH
_COMPILED = ("cuda", "cpp", "hip")
_DEEPEST = 200  # sources that are named


@rule("TCH214", "path-too-long")
def path_too_long(view: View) -> Iterator[Fault]:
    """Windows: a build would write files whose paths have 260 characters or more.

    ## What it does
    Of a project with extensions, takes the path of each source's object file, in setuptools' build
    folder (`build\\\\temp.win-amd64-cpython-311\\\\Release`), and of the source itself, as Windows spells
    them.

    ## Why it matters
    ninja ends with `Stat(…): Filename longer than 260 characters`, cl.exe with `fatal error C1083: Cannot open
    compiler generated file: '…': No such file or directory`, pip with `[WinError 206]`.

    ## Example
    `C:/Users/me/very/long/…/flash_fwd_hdim256_bf16_sm80.obj has 271 characters; Windows takes 259 as
    LongPathsEnabled is 0.`

    ## Severity
    Error where LongPathsEnabled is off; warning where it is not known. Silent where it is on, where the
    place of the project on its drive is not known, and for a project that builds nothing.

    ## Fix
    Manual: switch long paths on, or move the project to a shorter path.

    ## Source
    https://learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation; src/disk_interface.cc of
    ninja 1.12.
    """
    facts = view.facts
    if facts.windows is None or facts.windows.long_paths or not builds(view):
        return
    paths = sorted(_paths(facts), key=len, reverse=True)
    over = [path for path in paths if len(path) > _MOST]
    if not over:
        return
    known = facts.windows.long_paths is False
    state = "as LongPathsEnabled is 0" if known else "unless LongPathsEnabled is 1"
    more = and_more(over)
    yield Fault(
        severity=ERROR if known else WARNING,
        subject=facts.project.root if facts.project else "",
        message=f"{over[0]} has {len(over[0])} characters{more}; Windows takes {_MOST} {state}.",
        evidence=tuple(f"{len(path)} characters: {path}" for path in over[:5]),
        payload=LongPath(len(over[0]) - _MOST),
    )


def _paths(facts: Facts) -> Iterator[str]:
    """The paths that a build writes and reads, as on Windows."""
    project, windows, python = facts.project, facts.windows, facts.python
    root = _on_windows(project.root, windows.drive) if project and windows else None
    if project is None or python is None or root is None:
        return
    machine = (python.machine or "AMD64").lower()
    tag = f"win-{machine}-cpython-{python.tag.removeprefix('cp')}"
    for source in [s for s in project.sources if s.kind in _COMPILED][:_DEEPEST]:
        yield f"{root}/{source.path}"
        stem = source.path.rpartition(".")[0]
        yield f"{root}/build/temp.{tag}/Release/{stem}.obj"


def _on_windows(path: str, drive: str | None) -> str | None:
    if path[1:2] == ":":
        return path
    if drive is None or not path.startswith(f"{drive}/"):
        return None
    return f"C:{path[len(drive) :]}"
