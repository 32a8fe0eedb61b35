"""<mangled-name>: functions with their signature, data, and the compiler's own entities."""

from __future__ import annotations

from . import names, types
from .rendering import Unsupported, bounded, function
from .state import State
from .tables import SPECIAL


def demangle_one(name: str) -> str | None:
    """`name` in C++; None when it is not a mangled name or is beyond this grammar."""
    if not name.startswith("_Z") or len(name) > 8192 or not name.isascii():
        return None
    s = State(name, at=2)
    try:
        text = parse_encoding(s)
    except (Unsupported, RecursionError):
        return None
    return text if s.at == len(name) else None


def parse_encoding(s: State, local: bool = False) -> str:
    """local: what encloses a local entity, which ends at an E and shows no return type."""
    special = s.text[s.at : s.at + 2]
    if special in SPECIAL:
        s.at += 2
        named = special in ("TW", "TH")
        return SPECIAL[special] + (names.parse_name(s).type if named else types.parse_type(s)).text
    if s.take("GV"):
        return "guard variable for " + names.parse_name(s).type.text
    if special in ("Th", "Tv"):
        return _thunk(s)
    if special[:1] in ("T", "G"):
        raise Unsupported
    name = names.parse_name(s)
    if s.at == len(s.text) or s.peek("E"):
        if name.suffix:
            raise Unsupported
        return name.type.text
    result = types.parse_type(s) if name.returns else None
    signature = function(None if local else result, types.parse_parameters(s))
    declared = name.type.text + signature.right + name.suffix
    return bounded(signature.left + declared)


def _thunk(s: State) -> str:
    virtual = s.next(2) == "Tv"
    for _ in range(2 if virtual else 1):
        s.take("n")
        s.number()
        s.expect("_")
    return ("virtual" if virtual else "non-virtual") + " thunk to " + parse_encoding(s)
