"""Names that Visual C++ decorates: the scope and the name, without the types of the arguments."""

from __future__ import annotations

import re

_NAME = re.compile(r"\?(?P<special>\?[01])?(?P<path>[A-Za-z_]\w*(?:@[A-Za-z_]\w*)*)@@")


def undecorated(name: str) -> str | None:
    """ "?guard@SymBool@c10@@QEBA_NXZ" → "c10::SymBool::guard"; None for what has templates or operators."""
    found = _NAME.match(name)
    if found is None:
        return None
    parts = found["path"].split("@")
    if found["special"]:  # of a constructor or destructor only the class is written
        tilde = "~" if found["special"] == "?1" else ""
        parts.insert(0, f"{tilde}{parts[0]}")
    return "::".join(reversed(parts))
