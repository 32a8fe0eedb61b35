"""<type>, <template-args> and the literals among them."""

from __future__ import annotations

from gpufix.binary.demangle import qualified as names
from gpufix.binary.demangle.parser import (
    BUILTINS,
    BUILTINS_D,
    SUFFIXES,
    Parser,
    Type,
    Unsupported,
    angled,
    bounded,
    function,
    joined,
    pack,
    pointer,
    qualified,
)

_MARKS = {"P": "*", "R": "&", "O": "&&"}


def parse_type(s: Parser) -> Type:
    """Any type; all but builtin ones become substitutions."""
    with s.nested():
        code = s.text[s.at : s.at + 1]
        if code in BUILTINS and code:
            s.at += 1
            return Type(BUILTINS[code])
        if s.text[s.at : s.at + 2] in BUILTINS_D:
            return Type(BUILTINS_D[s.next(2)])
        found = _compound(s, code)
        bounded(found.left + found.right)
        return found


def _compound(s: Parser, code: str) -> Type:
    if code in _MARKS and code:
        s.at += 1
        return s.remember(pointer(parse_type(s), _MARKS[code]))
    if code in ("K", "V", "r") and code:
        return _qualified(s)
    if code == "F":
        return s.remember(_function(s))
    if code == "A":
        return s.remember(_array(s))
    if code == "M":
        return s.remember(_member_pointer(s))
    if code == "T":
        return _parameter(s)
    if s.take("Dp"):
        expansion = parse_type(s)
        if expansion.kind != "pack":
            raise Unsupported
        return s.remember(expansion)
    if code == "D":
        raise Unsupported  # decltype, vectors, noexcept functions
    return names.parse_class(s)


def _qualified(s: Parser) -> Type:
    words = qualifiers(s)
    inner = parse_type(s)
    if any(item.kind in ("lvalue", "rvalue") for item in inner.items or (inner,)):
        raise Unsupported  # through a template parameter; means nothing, and is printed oddly
    return s.remember(qualified(inner, words))


def qualifiers(s: Parser) -> str:
    """The words of [r] [V] [K], innermost first."""
    restrict, volatile, const = s.take("r"), s.take("V"), s.take("K")
    return " const" * const + " volatile" * volatile + " __restrict" * restrict


def _function(s: Parser) -> Type:
    s.expect("F")
    if s.take("Y"):
        raise Unsupported
    result = parse_type(s)
    parameters = parse_parameters(s)
    mark = " &" if s.take("RE") else " &&" if s.take("OE") else ""
    if not mark:
        s.expect("E")
    found = function(result, parameters)
    return Type(found.left, found.right + mark, "function")


def parse_parameters(s: Parser) -> str:
    """Parameter types up to the end of what they belong to."""
    types: list[Type] = []
    while s.at < len(s.text) and not s.peek("E") and not s.peek("RE") and not s.peek("OE"):
        types.append(parse_type(s))
    if not types:
        raise Unsupported
    if len(types) == 1 and types[0].text == "void":
        return ""
    return joined(types)


def _array(s: Parser) -> Type:
    s.expect("A")
    bound = s.number()
    s.expect("_")
    element = parse_type(s)
    if element.kind == "pack":
        raise Unsupported
    size = "" if bound is None else bound
    right = element.right if element.kind == "array" else " " + element.right
    return Type(element.left, f" [{size}]{right.strip()}", "array")


def _member_pointer(s: Parser) -> Type:
    s.expect("M")
    owner, member = parse_type(s), parse_type(s)
    if "pack" in (owner.kind, member.kind):
        raise Unsupported
    return pointer(member, f" {owner.text}::*")


def _parameter(s: Parser) -> Type:
    """T_: the template argument itself, then perhaps arguments of its own."""
    found = s.remember(parse_reference(s))
    if s.peek("I"):
        raise Unsupported
    return found


def parse_reference(s: Parser) -> Type:
    s.expect("T")
    index = s.count()
    if index >= len(s.arguments):
        raise Unsupported
    if s.generic is None:
        s.generic = len(s.substitutions)
    return s.arguments[index]


def parse_arguments(s: Parser) -> list[Type]:
    """I … E"""
    s.expect("I")
    found: list[Type] = []
    while not s.take("E"):
        found.append(_argument(s))
    return found


def render_arguments(arguments: list[Type]) -> str:
    text = joined(arguments)
    # As c++filt has it: brackets that an empty pack parts are not kept apart again.
    parted = bool(text) and arguments[-1].kind == "pack" and not arguments[-1].items
    return bounded(f"<{text}>" if parted else angled(text))


def _argument(s: Parser) -> Type:
    with s.nested():
        if s.take("J"):
            items: list[Type] = []
            while not s.take("E"):
                items.append(_argument(s))
            return pack(tuple(i for item in items for i in (item.items or (item,))))
        if s.peek("L"):
            return _literal(s)
        if s.take("X"):
            found = parse_reference(s)  # of expressions, only a parameter's own value
            s.expect("E")
            return found
        expansion = s.peek("Dp")
        found = parse_type(s)
        if found.kind == "pack" and not expansion:
            raise Unsupported  # one element of a pattern that an expansion repeats
        return found


def _literal(s: Parser) -> Type:
    """L <type> <number> E"""
    s.expect("L")
    if s.peek("_Z") or s.peek("Z"):
        raise Unsupported
    code = s.text[s.at : s.at + 1]
    kind = parse_type(s)
    minus = "-" if s.take("n") else ""
    start = s.at
    while s.text[s.at : s.at + 1].isdecimal():
        s.at += 1
    digits = s.text[start : s.at]
    s.expect("E")
    if not digits or code in ("f", "d", "e", "g"):
        raise Unsupported
    if code == "b" and digits in ("0", "1"):
        return Type("true" if digits == "1" else "false")
    if code in SUFFIXES:
        return Type(minus + digits + SUFFIXES[code])
    return Type(f"({kind.text}){minus}{digits}")
