"""Whether a finding is about what a message names: the same library, symbol, package or owner."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.explain.explanation import Explanation
from gpufix.explain.symbol_details import library_of
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.model import Finding

_PATH = re.compile(r"(?:site|dist)-packages[/\\](?P<package>[A-Za-z]\w+)")
_FILE = re.compile(
    r"(?P<stem>[A-Za-z_][\w-]{4,})(?:\.(?:cpython|abi3|cp\d)[\w-]*)?\.(?:so|pyd)\b(?!\.\d)"
)
_IMPORT = re.compile(
    r"(?:cannot import name \W?\w+\W? from(?: partially initialized module)?|No module named|module) "
    r"\W{1,2}(?P<module>[A-Za-z]\w+(?:\.\w+)*)"
)
_SHADOWED = re.compile(
    r"'(?P<module>\w+)' is not a package|partially initialized module '(?P<of>\w+)'"
)
_BROUGHT_BY = {  # modules whose distributions go by other names
    "cuda": ("cuda-python", "cuda-bindings"),
    "cv2": ("opencv-python", "opencv-contrib-python", "opencv-python-headless"),
    "google": ("protobuf",),
    "PIL": ("pillow", "pillow-simd"),
    "pynvml": ("nvidia-ml-py",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "yaml": ("pyyaml",),
}
_COMMON = {"torch", "python", "nvidia", "cuda", "error", "lib"}  # say nothing of which fault it is


EXACT = 4  # the score of a finding that holds one of the exact names


@dataclass(frozen=True, slots=True)
class Names:
    """`exact`: libraries, symbols and distributions; `owners`: whose library it is, in one word."""

    exact: frozenset[str]
    owners: frozenset[str]
    symbol: str = (
        ""  # of torch: an extension lacks many of them, so it may be another one of the same
    )

    @property
    def strict(self) -> bool:
        """Whether the message names anything by which two faults can be told apart."""
        return bool(self.exact or self.owners)

    def score(self, finding: Finding) -> int:
        """How much of what is named the finding is about; 0: nothing."""
        about = _plain(
            " ".join(
                [
                    finding.subject,
                    finding.message,
                    *(evidence.text for evidence in finding.evidence[:20]),
                    repr(finding.payload or ""),
                ]
            )
        )
        exact = sum(_stands(name, about) for name in self.exact)
        owners = sum(_stands(name, about) for name in self.owners)
        return EXACT * exact + owners + (self.symbol in about if self.symbol else 0)


def named(explanation: Explanation) -> Names:
    """What a message names."""
    captures, shown = explanation.captures, explanation.shown
    exact: set[str] = set()
    owners: set[str] = set()
    symbol = captures.get("symbol", "")
    if soname := captures.get("soname"):
        exact |= {soname, *bringing(soname)}
        owners.add(_stem(soname))
        return _names(exact, owners)
    library = library_of(symbol) if symbol else None
    if library:
        return _names({symbol}, {library.lower()})
    exact |= set(_FILE.findall(shown))
    modules = [*_PATH.findall(shown), *_IMPORT.findall(shown)]
    for module in modules:
        top = module.partition(".")[0]
        exact |= {module, top, *_BROUGHT_BY.get(top, ())}
    exact |= {f"{module or of}.py" for module, of in _SHADOWED.findall(shown)}
    for key in ("module", "requirement", "extension"):
        if value := captures.get(key):
            exact.add(re.split(r"[.=<>!~\[ ]", value)[0])
    if symbol and not is_torch_name(symbol):
        exact.add(symbol)
        return _names(exact, owners)
    return _names(exact, owners, symbol)


def _names(exact: set[str], owners: set[str], symbol: str = "") -> Names:
    plain = {_plain(name) for name in exact}
    return Names(
        frozenset(name for name in plain if len(name) > 2 and name not in _COMMON),
        frozenset(_plain(name) for name in owners if len(name) > 3 and name not in _COMMON),
        _plain(symbol),
    )


def _stem(soname: str) -> str:
    return soname.partition(".so")[0].removeprefix("lib")


def _stands(name: str, about: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", about) is not None or (
        len(name) > 3 and re.search(rf"(?:^|[^a-z0-9])(?:lib)?{re.escape(name)}", about) is not None
    )


def _plain(text: str) -> str:
    return re.sub(r"[-_. ]+", "-", text.lower())
