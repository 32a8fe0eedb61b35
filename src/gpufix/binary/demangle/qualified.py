"""<name> and <encoding>: scopes, substitutions, operators, lambdas, functions with signatures."""

from __future__ import annotations

from gpufix.binary.demangle import types
from gpufix.binary.demangle.parser import (
    OPERATORS,
    SPECIAL,
    STANDARD,
    Parser,
    Type,
    Unsupported,
    bounded,
    function,
)
from gpufix.frozen import Frozen


class Name(Frozen):
    """A parsed name. `returns`: its encoding starts with a return type when it is a function."""

    type: Type
    suffix: str = ""  # qualifiers of a member function
    returns: bool = False


def parse_class(s: Parser) -> Type:
    """A class or enumeration used as a type."""
    if s.peek("S") and not s.peek("St"):
        found = parse_substitution(s)
        if s.peek("I"):
            return s.remember(_with_arguments(s, found, keep=False))
        return found
    outer = s.arguments
    name = parse_name(s)
    s.arguments = outer
    if name.suffix:
        raise Unsupported
    return s.remember(name.type)


def parse_name(s: Parser) -> Name:
    """Leaves `s.arguments` as the template arguments of the name, when it has any."""
    with s.nested():
        if s.take("N"):
            return _nested(s)
        if s.take("Z"):
            return _local(s)
        if s.peek("S") and not s.peek("St"):
            found = parse_substitution(s)
        else:
            found = _unqualified(s, Type("std") if s.take("St") else None)
            if s.peek("I"):
                s.remember(found)
        if s.peek("I"):
            return Name(_with_arguments(s, found), returns=True)
        return Name(found)


def _nested(s: Parser) -> Name:
    words = types.qualifiers(s)
    mark = " &" if s.take("R") else " &&" if s.take("O") else ""
    prefix: Type | None = None
    returns, known = False, False
    while not s.take("E"):
        if known and prefix is not None:
            s.remember(prefix)
        prefix, known, returns = _component(s, prefix)
    if prefix is None:
        raise Unsupported
    return Name(prefix, words + mark, returns)


def _component(s: Parser, prefix: Type | None) -> tuple[Type, bool, bool]:
    """(the longer prefix, is it to be a substitution, does it end in template arguments)."""
    if s.peek("I"):
        if prefix is None:
            raise Unsupported
        returns = prefix.kind == "name" and not prefix.last.startswith(("~", "\0"))
        return _with_arguments(s, prefix), True, returns
    if prefix is None:
        if s.take("St"):
            return Type("std", last="std"), False, False
        if s.peek("S"):
            return parse_substitution(s), False, False
        if s.peek("T"):
            found = types.parse_reference(s)
            if found.kind != "name":
                raise Unsupported
            return found, True, False
    return _unqualified(s, prefix), True, False


def _unqualified(s: Parser, scope: Type | None) -> Type:
    s.take("L")  # internal linkage: says nothing to a reader
    last = _constructor(s, scope) or _special(s) or _identifier(s) or _operator(s)
    tags = ""
    while s.take("B"):
        tags += f"[abi:{_source(s)}]"
    front = scope.text if scope else ""
    text = last.lstrip("\0") + tags
    return Type(bounded(f"{front}::{text}" if scope else text), last=last)


def _constructor(s: Parser, scope: Type | None) -> str | None:
    """Marked by a null, so that template arguments after it are known to have no return type."""
    if not (s.peek("C") or s.peek("D")):
        return None
    code = s.next(2)
    if code[1] not in ("12345" if code[0] == "C" else "012345") or scope is None or not scope.last:
        raise Unsupported
    return ("\0" if code[0] == "C" else "~") + scope.last


def _identifier(s: Parser) -> str | None:
    return _source(s) if s.text[s.at : s.at + 1].isdecimal() else None


def _source(s: Parser) -> str:
    length = s.number()
    if not length:
        raise Unsupported
    word = s.next(length)
    if word.startswith("_GLOBAL_") and word[8:10] in ("_N", ".N", "$N"):
        return "(anonymous namespace)"
    return word


def _special(s: Parser) -> str | None:
    """Lambdas and unnamed types."""
    if s.take("Ul"):
        with s.other_scope():
            parameters = types.parse_parameters(s)
        s.expect("E")
        return f"{{lambda({parameters})#{s.count() + 1}}}"
    if s.take("Ut"):
        return f"{{unnamed type#{s.count() + 1}}}"
    return None


def _operator(s: Parser) -> str:
    code = s.next(2)
    if code == "cv":
        target = types.parse_type(s)
        return "\0operator " + target.text
    if code not in OPERATORS:
        raise Unsupported
    return "operator" + OPERATORS[code]


def _with_arguments(s: Parser, template: Type, keep: bool = True) -> Type:
    """keep: the arguments become those that T_ means from here on."""
    outer = s.arguments
    arguments = types.parse_arguments(s)
    s.arguments = arguments if keep else outer
    space = " " if template.left.endswith("<") else ""
    text = bounded(template.text + space + types.render_arguments(arguments))
    return Type(text, last=template.last)


def parse_substitution(s: Parser) -> Type:
    """S_, S0_, … or a standard abbreviation other than St."""
    code = s.text[s.at : s.at + 2]
    if code in STANDARD:
        s.at += 2
        text, last = STANDARD[code]
        return Type(text, last=last)
    s.expect("S")
    return s.recall(s.sequence())


def _local(s: Parser) -> Name:
    """Z <encoding> E <entity>, with an optional discriminator."""
    with s.other_scope():
        outer = parse_encoding(s, local=True)
    s.expect("E")
    if s.peek("s") or s.peek("d"):
        raise Unsupported
    inner = parse_name(s)
    if s.take("_"):
        if s.take("_"):
            s.number()
            s.expect("_")
        else:
            s.next()
    text = bounded(f"{outer}::{inner.type.text}")
    return Name(Type(text, last=inner.type.last), inner.suffix, inner.returns)


def demangle_one(name: str) -> str | None:
    """`name` in C++; None when it is not a mangled name or is beyond this grammar."""
    if not name.startswith("_Z") or len(name) > 8192 or not name.isascii():
        return None
    s = Parser(name, at=2)
    try:
        text = parse_encoding(s)
    except (Unsupported, RecursionError):
        return None
    return text if s.at == len(name) else None


def parse_encoding(s: Parser, local: bool = False) -> str:
    """local: what encloses a local entity, which ends at an E and shows no return type."""
    special = s.text[s.at : s.at + 2]
    if special in SPECIAL:
        s.at += 2
        named = special in ("TW", "TH")
        return SPECIAL[special] + (parse_name(s).type if named else types.parse_type(s)).text
    if s.take("GV"):
        return "guard variable for " + parse_name(s).type.text
    if special in ("Th", "Tv"):
        return _thunk(s)
    if special[:1] in ("T", "G"):
        raise Unsupported
    name = parse_name(s)
    if s.at == len(s.text) or s.peek("E"):
        if name.suffix:
            raise Unsupported
        return name.type.text
    result = types.parse_type(s) if name.returns else None
    signature = function(None if local else result, types.parse_parameters(s))
    declared = name.type.text + signature.right + name.suffix
    return bounded(signature.left + declared)


def _thunk(s: Parser) -> str:
    virtual = s.next(2) == "Tv"
    for _ in range(2 if virtual else 1):
        s.take("n")
        s.number()
        s.expect("_")
    return ("virtual" if virtual else "non-virtual") + " thunk to " + parse_encoding(s)
