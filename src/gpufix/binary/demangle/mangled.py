"""What a mangled C++ name tells without being demangled: whose it is, which std::string it means.

Two libstdc++ ABIs share one mangling: `_GLIBCXX_USE_CXX11_ABI=0` writes std::string as the
abbreviation `Ss`, 1 spells out `std::__cxx11::basic_string`. A name holds one, the other or none.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from gpufix.frozen import Frozen

# Special names (vtable, typeinfo, thunk, guard) and local entities belong to the scope inside.
_SCOPE = r"_Z(?:T(?:[VTISWHC]|hn?\d+_|vn?\d+_n?\d+_|c\w*?_Z?)|G[VR])?"
_NAMESPACES = r"(?:2at|3c10|5torch|6caffe2|4c10d)"
_CXX = re.compile(rf"{_SCOPE}(?:Z*N[VK]*[RO]?{_NAMESPACES}|Z*(?:N[VK]*)?\d\d?THC?P)")
# Decorated names of Visual C++ end a scope by "@@": "?guard@SymBool@c10@@QEBA_NXZ".
_MSVC = re.compile(r"\?[^@]*@(?:[\w?$]+@)*(?:at|c10|torch|caffe2|c10d)@@")
_C = re.compile(r"aoti_|torch_|THC?P[A-Z_]")
_ABI_1 = re.compile(r"NSt7__cxx11(?:\d+basic_|4list)|B5cxx11")
_STRING_1 = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
_REFERENCE = re.compile(r"S(?:s|[0-9A-Z]*_)")
_NOT_A_LENGTH = re.compile(r"(?:[ACDST]|L[a-z]n?)$")
_DIGITS = re.compile(r"\d+")
_LONGEST = 5  # digits; no identifier is longer than 99,999 characters


def is_torch_name(name: str) -> bool:
    """Does `name` belong to torch (at, c10, torch, caffe2, c10d, THP, or its C interface)?

    Told by the scope that owns the entity: a function of another project that takes an
    `at::Tensor` is not torch's.
    """
    if name.startswith("?"):
        return _MSVC.match(name) is not None
    return bool((_CXX if name.startswith("_Z") else _C).match(name))


class AbiVerdict(Frozen):
    """The `_GLIBCXX_USE_CXX11_ABI` that a library was compiled with.

    `abi` is None when no name tells, or when names of one kind contradict each other.
    `strength` says which names told: torch's own, or any other C++ name.
    """

    abi: Literal[0, 1] | None
    strength: Literal["torch", "other"] | None = None
    evidence: tuple[str, ...] = ()


def string_abi(name: str) -> Literal[0, 1] | None:
    """The std::string ABI that one mangled name shows; None when it holds no std::string."""
    if not name.startswith("_Z"):
        return None
    if "cxx11" in name and _ABI_1.search(name):
        return 1
    if "Ss" not in name:
        return None
    start = 4 if name.startswith("_ZT") else 2  # _ZTSs: the name of type short
    return 0 if any("Ss" in code for code, _ in _runs(name, start)) else None


def neutral(name: str) -> str:
    """`name` with either spelling of std::string made one, to pair the two ABIs' names.

    Not a mangled name any more: back references are blotted out, since the longer spelling
    renumbers them.
    """
    short = name.replace(_STRING_1, "Ss").replace("B5cxx11", "")
    return "".join(_REFERENCE.sub("~", code) + word for code, word in _runs(short, 2))


def _runs(name: str, start: int) -> Iterator[tuple[str, str]]:
    """Splits `name` into (codes, the length-prefixed identifier that follows them)."""
    begin = at = start
    while digits := _DIGITS.search(name, at):
        i, at = digits.span()
        if at - i > _LONGEST or _NOT_A_LENGTH.search(name, max(0, i - 3), i):
            continue
        after = at + int(digits[0])
        if after <= len(name) and name[at:after].isidentifier():
            yield name[begin:i], name[i:after]
            begin = at = after
    yield name[begin:], ""


def cxx11_abi(undefined: Iterable[str], defined: Iterable[str] = ()) -> AbiVerdict:
    """`_GLIBCXX_USE_CXX11_ABI` of a library, from its undefined and defined dynamic symbols.

    Names in torch's namespaces decide (what is asked of torch first, then inline code compiled
    from its headers); only without any does another name with std::string count.
    """
    wanted, given = list(undefined), list(defined)
    for names, strength in (
        ([n for n in wanted if is_torch_name(n)], "torch"),
        ([n for n in given if is_torch_name(n)], "torch"),
        (wanted, "other"),
        (given, "other"),
    ):
        verdict = _unanimous(names, "torch" if strength == "torch" else "other")
        if verdict is not None:
            return verdict
    return AbiVerdict(None)


def _unanimous(names: list[str], strength: Literal["torch", "other"]) -> AbiVerdict | None:
    found: dict[Literal[0, 1], list[str]] = {0: [], 1: []}
    for name in names:
        abi = string_abi(name)
        if abi is not None:
            found[abi].append(name)
    if found[0] and found[1]:
        return AbiVerdict(None, strength, (found[0][0], found[1][0]))
    for abi in found:
        if found[abi]:
            return AbiVerdict(abi, strength, tuple(found[abi][:5]))
    return None


def entity(name: str) -> str:
    """The front of a mangled name that all overloads of the function share.

    Ends before ABI tags, template arguments and parameters; `name` itself when nothing follows.
    """
    if not name.startswith("_Z"):
        return name
    nested = name.startswith(("_ZN", "_ZTV", "_ZTI"))
    at = 2
    for code, word in _runs(name, 2):
        if word and (at == 2 or not code) and (nested or at == 2):
            at += len(code) + len(word)
            continue
        return name[:at] + (_special(code) if nested else "")
    return name


def _special(code: str) -> str:
    """The constructor, destructor or operator that `code` starts with, as far as it is fixed."""
    match = re.match(r"[CD](?=[1-5])|cv|[a-z][a-zA-Z](?=E)", code)
    return match[0] if match else ""
