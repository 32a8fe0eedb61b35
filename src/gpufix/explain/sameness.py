"""Whether a finding is about what a message names: the same library, symbol, package or owner."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.explain.explanation import Explanation
from gpufix.explain.symbol_details import library_of
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.model import Finding

_PATH = re.compile(r"(?:site|dist)-packages[/\\](?P<package>[A-Za-z]\w+)")
_ABOVE = re.compile(r"[^\s'\"]*[/\\](?:site|dist)-packages[/\\]")
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
    "cupy_backends": ("cupy",),
    "cv2": ("opencv-python", "opencv-contrib-python", "opencv-python-headless"),
    "google": ("protobuf",),
    "jax_plugins": ("jax-cuda12-pjrt", "jax-cuda13-pjrt"),
    "PIL": ("pillow", "pillow-simd"),
    "pynvml": ("nvidia-ml-py",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "yaml": ("pyyaml",),
}
_SONAME = re.compile(r"\blib[a-zA-Z][\w-]{3,40}\.so(?:\.\d+)+")
_OF_CUDA = re.compile(
    r"\b(?:cuDNN|cuBLAS(?:Lt)?|cuSPARSE|cuSOLVER|cuFFT|cuRAND|CUPTI|NCCL)\b", re.IGNORECASE
)
_RAISED = re.compile(r"^(?P<module>[A-Za-z]\w+)(?:\.\w+)+(?:Error|Exception)\b", re.MULTILINE)
_ARCH = re.compile(r"(?:sm_|compute_|gfx)[0-9a-f]{2,4}[af]?")
_COMMON = {"torch", "python", "nvidia", "cuda", "error", "lib"}  # say nothing of which fault it is


EXACT = 4  # the score of a finding that holds one of the exact names


@dataclass(frozen=True, slots=True)
class Names:
    """`exact`: libraries, symbols and distributions; `owners`: whose library it is, in one word;
    `raised`: whose exception it is, which need not be who is at fault; `arch`: the GPU's, which many
    faults are about."""

    exact: frozenset[str]
    owners: frozenset[str]
    raised: frozenset[str] = frozenset()
    arch: str = ""
    imported: bool = False  # it is about a name of a module, or a module
    symbol: str = (
        ""  # of torch: an extension lacks many of them, so it may be another one of the same
    )

    @property
    def strict(self) -> bool:
        """Whether the message names anything by which two faults can be told apart."""
        return bool(self.exact or self.owners)

    def score(self, finding: Finding) -> int:
        """How much of what is named the finding is about; 0: nothing."""
        told = [finding.subject, finding.message, *(e.text for e in finding.evidence[:20])]
        # What the environment's folder is called says nothing.
        about = _plain(_ABOVE.sub("", " ".join([*told, repr(finding.payload or "")])))
        exact = sum(_stands(name, about) for name in self.exact | self.raised)
        owners = sum(_stands(name, about) for name in self.owners)
        also = sum(name in about for name in (self.symbol, self.arch) if name)
        return EXACT * exact + owners + also


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
    imported = _IMPORT.findall(shown)
    for module in [*_PATH.findall(shown), *imported]:
        exact |= {module, *_of(module)}
    exact |= {f"{module or of}.py" for module, of in _SHADOWED.findall(shown)}
    for key in ("module", "requirement", "extension", "package"):
        if value := captures.get(key):
            exact.add(re.split(r"[.=<>!~\[ ]", value)[0])
    if symbol and not is_torch_name(symbol):
        exact.add(symbol)
        return _names(exact, owners)
    arch = captures.get("arch", "")
    if not (exact or symbol):
        exact |= set(_SONAME.findall(shown))
        owners |= set(_OF_CUDA.findall(shown)) if not exact else set()
    raised = {name for module in _RAISED.findall(shown) for name in _of(module)}
    return replace(
        _names(exact, owners, symbol),
        raised=_telling(raised),
        arch=_plain(arch) if _ARCH.fullmatch(arch) else "",
        imported=bool(imported),
    )


def of_module(explanation: Explanation, finding: Finding) -> bool:
    """Whether a finding is about the module that is not whole, where it is about one."""
    module = explanation.captures.get("damaged")
    about = _plain(f"{finding.subject} {finding.message}")
    return module is None or any(_stands(_plain(name), about) for name in _of(module))


def _of(module: str) -> tuple[str, ...]:
    top = module.partition(".")[0]
    return (top, *_BROUGHT_BY.get(top, ()))


def _names(exact: set[str], owners: set[str], symbol: str = "") -> Names:
    return Names(
        _telling(exact), frozenset(n for n in _telling(owners) if len(n) > 3), symbol=_plain(symbol)
    )


def _telling(names: Iterable[str]) -> frozenset[str]:
    plain = (_plain(name) for name in names)
    return frozenset(name for name in plain if len(name) > 2 and name not in _COMMON)


def _stem(soname: str) -> str:
    return soname.partition(".so")[0].removeprefix("lib")


def _stands(name: str, about: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", about) is not None or (
        len(name) > 3 and re.search(rf"(?:^|[^a-z0-9])(?:lib)?{re.escape(name)}", about) is not None
    )


def _plain(text: str) -> str:
    return re.sub(r"[-_. ]+", "-", text.lower())
