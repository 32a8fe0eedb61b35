"""The frames of a Python traceback: who called what failed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpufix.explain.explanation import context
from gpufix.explain.log_scan import Hit

_FRAME = re.compile(
    r'File "(?P<path>[^"\n]{1,400})", line \d+[^\n]*(?:\n(?![ \t]*File ")[ \t]*(?P<code>[^\n]{0,300}))?'
)
# IPython's: the file or cell, then a listing in which an arrow points to the line; none where it has no source.
_LISTED = re.compile(
    r"^[ \t]{0,8}(?:File )?(?P<path>(?:[~/]|[A-Za-z]:\\)[^\n\":]{1,300}\.pyx?|<ipython-input-[^>\n]{1,60}>|(?:Cell |Input )In ?\[\d{1,5}\])"
    r"(?::\d+|,? in\b|, line\b)[^\n]{0,2000}\n",
    re.MULTILINE,
)
_CALLED = re.compile(r",? in [\w<>]+\(")
_ARROW = re.compile(r"^[ \t]*-{2,6}> ?\d{1,6} ?(?P<code>[^\n]{0,300})", re.MULTILINE)
# A program's own folder for what others add to it: ComfyUI's nodes, the web UIs' extensions.
_ADDED = re.compile(r"(?:^|/)(?P<folder>custom_nodes|extensions)/(?P<name>[^/]+)/")
_INSTALLED = re.compile(r"(?:site|dist)-packages/(?P<name>[^/]+?)(?:/|\.pyw?$)")
_OF_PYTHON = re.compile(r"/lib(?:64)?/python3|^[A-Za-z]:.*/[Ll]ib/|^<(?!ipython-input|stdin)")
# torch calls an operator that somebody registered from here, and its own ones without Python.
_OPERATOR = re.compile(r"(?:^|/)torch/_ops\.py$")
_NAMED_OPERATOR = re.compile(r"\btorch\.ops\.(?P<space>\w+)\.(?P<name>\w+)")
_PRIVATE_CALL = re.compile(r"(?<![\w.])_(?!_)\w+\.\w+\(")
_OWN_SPACES = ("aten", "prim", "prims", "quantized", "c10d", "c10d_functional", "inductor")


@dataclass(frozen=True, slots=True)
class Frame:
    """`path` with forward slashes; `code`: the line that it was at, "" where it is not shown."""

    path: str
    code: str

    @property
    def package(self) -> str | None:
        """The folder of site-packages that holds it; None for a program's own file."""
        found = _INSTALLED.search(self.path)
        return found["name"] if found else None

    @property
    def own(self) -> bool:
        """Whether it is a program's own file: of no package, and not Python's."""
        return self.package is None and not _OF_PYTHON.search(self.path)

    @property
    def added(self) -> str | None:
        """The checkout in a program's folder of added parts: "custom_nodes/ComfyUI-KJNodes"."""
        found = _ADDED.search(self.path)
        return f"{found['folder']}/{found['name']}" if found and not self.package else None

    @property
    def passes_on(self) -> bool:
        """Whether a decorator stands there, which gives on what it was given."""
        return bool(
            re.search(
                r"(?:^|\s)(?:\w+\.)?\w+\((?:self, |cls, )?(?:\*args, )?\*\*(?:kwargs|kwds|kw)\)$",
                self.code,
            )
        )

    @property
    def of_data(self) -> bool:
        """Whether the line makes an object of a dictionary that was read: `cls(**config_dict)`."""
        return bool(re.search(r"\bcls\(\*\*\w+", self.code))

    @property
    def of_torch(self) -> bool:
        """Whether it is torch's own."""
        return self.package == "torch" or bool(re.match(r"(?:\.\.\.|<\w+>)?/?torch/", self.path))


def frames(text: str) -> list[Frame]:
    """Those of a text, the innermost last."""
    shown = [(found.start(), found["path"], found["code"]) for found in _FRAME.finditer(text)]
    if "-> " in text or "-packages/" in text:
        end = len(text)
        for found in reversed([*_LISTED.finditer(text)]):
            at = _ARROW.search(text, found.end(), end)
            if at or _CALLED.search(found[0]):
                shown.append((found.start(), found["path"], at["code"] if at else ""))
            end = found.start()
        shown.sort(key=lambda one: one[0])
    return [Frame(path.replace("\\", "/"), (code or "").strip()) for _, path, code in shown]


def packages(text: str) -> list[str]:
    """Those whose frames a text shows, the innermost last; torch's frames are nobody's."""
    return [frame.package for frame in frames(text) if frame.package and not frame.of_torch]


def frames_before(hit: Hit) -> list[Frame]:
    """Those that stand before a message and in it."""
    return frames(context(hit, 8192, 0))


def asking(shown: list[Frame], owner: str) -> str | None:
    """The package whose code asked for something of `owner`; None where a program's own code did, or none is shown."""
    for frame in reversed(shown):
        if frame.own:
            return None
        package = (frame.package or "").removesuffix(".py")
        if package and package != owner and not frame.passes_on:
            return package
    return None


def operator(shown: list[Frame]) -> str | None:
    """The operator that torch was asked to call, when it is not one of torch's: "space::name".

    `torch/_ops.py` stands last in the trace of every operator that is called by its name (a quote may
    leave it out); the frame above it names the operator, or belongs to the package that registered it.
    """
    if not shown:
        return None
    of_operator = _OPERATOR.search(shown[-1].path)
    for frame in reversed(shown if of_operator else shown[-1:]):
        named = _NAMED_OPERATOR.search(frame.code)
        if named:
            own = named["space"] in _OWN_SPACES
            return None if own else f"{named['space']}::{named['name']}"
        if of_operator and not frame.of_torch:
            return frame.package
    return None


def compiled_call(shown: list[Frame]) -> str | None:
    """The line of the innermost frame where that calls a function of a package's private module, which
    is a compiled one: Python's own would stand below with a frame."""
    last = shown[-1] if shown else None
    if last is None or last.of_torch or not _PRIVATE_CALL.search(last.code):
        return None
    return last.code
