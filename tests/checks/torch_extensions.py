"""Compiled extensions of torch on hand-made facts, and what is answered about their symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b

from gpufix.evidence.view import View
from gpufix.model import Library, Problem

MODULE = "_C.cpython-311-x86_64-linux-gnu.so"
# torch 2.8 was the first to export it.
GUARD = "_ZNK3c107SymBool14guard_or_falseEPKcl"
# One function of torch: up to 2.6 with the one spelling of std::string, from 2.7 on with the other.
STRING_0 = "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
STRING_1 = (
    "_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
)
NOWHERE = "_ZN3c107nowhereEv"  # no torch has it
REGISTER, SCHEMA = "_ZN5torch11CppFunctionD1Ev", "_ZN3c1014FunctionSchemaD1Ev"
KERNEL = "_ZN3c1014KernelFunctionD2Ev"  # since 2.9
SPELT = {
    GUARD: "c10::SymBool::guard_or_false(char const*, long) const",
    STRING_0: "c10::detail::torchCheckFail(char const*, char const*, unsigned int, std::string const&)",
    STRING_1: "c10::detail::torchCheckFail(char const*, char const*, unsigned int, "
    "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&)",
    NOWHERE: "c10::nowhere()",
}


def undefined(*names: str) -> list[Problem]:
    return [Problem(kind="undefined-symbol", name=name) for name in names]


def ext(*lacking: str, owner: str | None = "ext", file: str = MODULE, **changes: Any) -> Library:
    """A module that links torch, and asks it for what it lacks."""
    base = {
        "distribution": owner,
        "module": True,
        "opened_by": "import",
        "links_torch": True,
        "needed": ["libc10.so", "libtorch.so"],
        "torch_symbols": list(lacking),
        "problems": undefined(*lacking),
    }
    return b.library(f"{owner}/{file}", **(base | changes))


def lone(*lacking: str, path: str = f"/src/project/ext/{MODULE}", **changes: Any) -> Library:
    """One that no distribution owns."""
    return replace(ext(*lacking, owner=None, **changes), path=path)


def of(
    *libraries: Library,
    exports: Sequence[str] = (),
    inline: Sequence[str] = (),
    torch: str | None = "2.7.1+cu128",
    dists: Sequence[Any] = (b.dist("ext", "1.2"),),
    absent: bool = False,
    imports: Sequence[Any] = (),
    **sections: Any,
) -> View:
    """`exports`: what the installed torch has; `inline`: destructors that the libraries hold.

    `torch` None: its version cannot be read, or it is `absent`.
    """
    answers: dict[str, Any] = {f"torch-symbols:{x.path}": x.torch_symbols for x in libraries}
    answers |= {f"c10-destructors:{x.path}": list(inline) for x in libraries}
    answers |= {f"exports:{name}": name in exports for name in (STRING_0, STRING_1)}
    answers |= {f"demangle:{name}": spelt for name, spelt in SPELT.items()}
    unread = replace(b.torch(), state="broken", version=None, release=None)
    base = {
        "torch": None if absent else b.torch(torch) if torch else unread,
        "distributions": [*([b.dist("torch", torch)] if torch else []), *dists],
        "binaries": b.binaries(*libraries, imports=imports),
        "answers": answers,
    }
    return b.view(b.healthy(**(base | sections)))
