"""An error that no row knows, in whose code it was raised: what usually helps there."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection

from gpufix.explain import comfyui
from gpufix.explain.added_parts import added_part, newest
from gpufix.explain.explanation import Explanation, without_row
from gpufix.explain.frames import frames, packages
from gpufix.explain.log_scan import LogScan
from gpufix.knowledge import families, listings
from gpufix.knowledge.data_table import packed_table
from gpufix.text.names import normalise

_ERROR = re.compile(
    r"^[ \t│|>]{0,8}(?P<error>(?:[\w.]{1,80}\.)?_?[A-Z]\w{1,60}(?:Error|Exception)\b(?::[^\n]{0,300})?)",
    re.M,
)
# A class that is called otherwise: onnxruntime.capi.onnxruntime_pybind11_state.Fail
_DOTTED = re.compile(r"^(?P<error>(?:[a-z_]\w{0,60}\.){1,6}[A-Z]\w{1,60}: [^\n]{0,300})", re.M)
_ALSO = {
    "vllm",
    "sglang",
    "unsloth",
    "unsloth_zoo",
    "timm",
    "gradio",
    "datasets",
    "optimum",
    "lightning",
    "deepspeed",
}
# Errors that say that two releases do not fit, whatever the package.
_OF_RELEASES = re.compile(
    r"(?:\w+\.)*(?:AttributeError|ImportError|ModuleNotFoundError|TypeError)\b(?!: '(?:NoneType|bool|dict|float|int|list|str|tuple)' object)"
)
_DOWNLOADED = re.compile(r"transformers_modules[/\\\\.]")  # trust_remote_code
_REACH = 12_000  # characters of the end


def raised_in(found: LogScan, wrappers: Collection[int] = ()) -> Explanation | None:
    """None where neither an added part nor a package stands in the last traceback. `wrappers`: lines that only report an error."""
    text = found.end(_REACH)
    first = found.first_line(text)
    errors = [
        error
        for error in (*_ERROR.finditer(text),) or _DOTTED.finditer(text)
        if first + text.count("\n", 0, error.start()) not in wrappers
    ]
    if not errors:
        return None if wrappers else _cut_off(text)
    before = text[: errors[-1].start()]
    near = moving_packages(before)
    if _DOWNLOADED.search(before):
        return _unknown(
            errors[-1]["error"],
            "It was raised in code that came with the model.",
            "Usual, in this order: the transformers for which that code was written, its config.json's transformers_version "
            '(`pip install "transformers==X.Y.Z"`). Next, the newest revision of the model (`hf download NAME --force-download`), or a release '
            "of transformers that has the model itself, without trust_remote_code.",
        )
    part = added_part(before)
    if part:
        return _unknown(
            errors[-1]["error"],
            f"It was raised in what {part} does.",
            f"Usual, in this order: the part's newest state and what it requires, {newest(part)}. Next, the newest state of the "
            f"program that it was added to, or the release of {' and '.join(near) or 'each package'} that its requirements name.",
        )
    if not near and comfyui.MENTIONED.search(text):
        return _unknown(
            errors[-1]["error"],
            "It was raised between ComfyUI and one of its nodes.",
            f"{comfyui.REMEDY}.",
        )
    if not near and _OF_RELEASES.match(errors[-1]["error"]):
        near = _packages(before)[:2]
    if not near:
        return _of_another(errors[-1]["error"], before)
    called = f", called by {near[1]}" if len(near) > 1 else ""
    return _unknown(
        errors[-1]["error"],
        f"It was raised in {near[0]}{called}.",
        f"Usual, in this order: {other_releases(near)}",
    )


def _of_another(error: str, before: str) -> Explanation | None:
    """Any other package that stands last; None for torch's, Python's and a project's own files."""
    last = next((frame for frame in reversed(frames(before)) if not frame.of_torch), None)
    if last is None:
        return None
    if last.package is None:
        return _of_project(error, last.path) if _is_projects(last.path) else None
    name = last.package.replace("_", "-")
    return _unknown(
        error,
        f"It was raised in {last.package}.",
        f"Usual, in this order: the newest release of {name} (`pip install -U {name}`; its package may have another name); the one that "
        "the project's requirements name.",
    )


_OWN = re.compile(r"^(?!.*(?:/lib/python|[\\/]Lib[\\/]|<)).*\.pyw?$")  # not Python's own
_OF_LIB = re.compile(r"[\\/]lib[\\/](?P<module>\w+)(?:\.py$|[\\/])")  # conda's, on Windows


def _is_projects(path: str) -> bool:
    of_lib = _OF_LIB.search(path)
    return bool(_OWN.search(path)) and not (of_lib and of_lib["module"] in sys.stdlib_module_names)


def _of_project(error: str, path: str) -> Explanation:
    return _unknown(
        error,
        f"It was raised in the project's own code, {path}.",
        "Usual, in this order: the project's newest state (`git pull`), where a fault of its code is fixed, or its issues. Then the "
        "releases that its requirements name (`python -m pip install -r requirements.txt`). Then the file, the data or the setting that this line reads.",
    )


def _cut_off(text: str) -> Explanation | None:
    """A traceback that was pasted without its last line."""
    shown = frames(text)
    if not shown or "Traceback" not in text:
        return None
    near = _packages(text)[:2]
    do = "Paste it with its last lines, which name the error."
    if near:
        do = f"{do} Usual where {' and '.join(near)} fail, in this order: {other_releases(near)}"
    return _unknown(shown[-1].path, "The traceback is cut off before its error.", do)


def moving_packages(before: str) -> list[str]:
    """The last two packages of a traceback that move with torch, the innermost first."""
    return [package for package in _packages(before) if _moves(package)][:2]


def _packages(before: str) -> list[str]:
    """Those of a traceback, the innermost first; torch's frames are nobody's."""
    return list(dict.fromkeys(reversed(packages(before))))


def other_releases(near: list[str]) -> str:
    """The releases of packages that are tried when one of them fails in its own code."""
    return (
        f"the release of {' and '.join(near)} that the project's requirements name (most often an "
        f"older one); the newest ones (`pip install -U {' '.join(p.replace('_', '-') for p in near)}`), with the torch that "
        "they declare."
    )


def _unknown(error: str, where: str, do: str) -> Explanation:
    return without_row(
        "raised-in",
        "unknown",
        f"No message that gpufix knows. {where}",
        do,
        error,
        source="the frames of the traceback",
    )


def _moves(package: str) -> bool:
    name = normalise(package)
    known = (*packed_table("name_history")["packages"], *_ALSO)
    return package in known or name in families.names() or listings.key(name) is not None
