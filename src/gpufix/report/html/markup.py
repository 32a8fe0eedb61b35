"""HTML elements out of Python values. All text is escaped; only this module makes markup."""

from __future__ import annotations

import html
from collections.abc import Iterable

from gpufix.text.clean import clean

_VOID = frozenset({"meta", "br", "hr"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Markup | None


def tag(
    name: str, /, *children: Child | Iterable[Child], **attributes: str | bool | None
) -> Markup:
    """One element. A trailing underscore of an attribute is dropped, inner ones become "-".

    None children and attributes are left out; an attribute that is True has no value. Strings are
    escaped, and cleaned of control characters.
    """
    shown = "".join(_attribute(key, value) for key, value in attributes.items())
    opening = f"<{name}{shown}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{joined(*children)}</{name}>")


def joined(*children: Child | Iterable[Child]) -> Markup:
    """Several pieces, one after the other."""
    out: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            out.append(child)
        elif isinstance(child, str):
            out.append(html.escape(clean(child, keep_newlines=True)))
        else:
            out.append(joined(*child))
    return Markup("".join(out))


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    return f' {name}="{html.escape(clean(value), quote=True)}"'
