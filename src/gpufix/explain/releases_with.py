"""What is said of a name that some releases of a package have: which side is the older one, and what to install."""

from __future__ import annotations

import re
from typing import Literal

from gpufix.explain.explanation import Told, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import name_spans
from gpufix.knowledge.data_table import numbers, table
from gpufix.knowledge.name_spans import Owner, Span


def one_of(known: Owner, name: str, asker: str | None, hit: Hit) -> Told:
    """Both ways out: the release of the package that has it, or another one of who asks for it."""
    if known.package == name_spans.PYTHON:
        return of_python(known.span, name, asker)
    asker = None if asker == known.package else asker
    who = name_spans.askers(known.package, name)
    if asker in who:
        who = {str(asker): who[str(asker)]}
    asks = asker or (next(iter(who)) if len(who) == 1 else None)
    side = _side(known, name, hit)
    what, rule = _lacks(known, name, side, asks, hit), claim(name, side == "newer", asks)
    said = _SAID.search(hit.shown) if known.span.last else None
    until = f"before {said['since']}" if said else known.span.words
    bounds = f"<{said['since']}" if said else known.span.bounds
    has = f'{known.pip} has {subject(name)} {until}: `pip install "{known.pip}{bounds}"`'
    if who and asker in (None, *who):
        named = "; ".join(
            f'{one} asks for it {when.words}: `pip install "{one}{when.outside}"`'
            for one, when in who.items()
        )
        return Told(
            what,
            f"Where {known.pip} has to stay as it is, another {' or '.join(who)} helps ({named}). Else {has}.",
            rule,
            known.pip,
        )
    other = f"of {asker or 'what asks for it'}"
    if not known.span.last:
        return Told(
            what,
            f"{has}; or an older release {other}, which goes with the installed {known.pip}.",
            rule,
            known.pip,
        )
    own = instead(f"{known.package}.{name}") or instead(name)
    write = f" (in code of your own write {own})" if own else ""
    return Told(
        what, f"{has}; or a newer release {other}, which does without it{write}.", rule, known.pip
    )


def claim(name: str, gone: bool, asker: str | None) -> str:
    """A package that asks another one for what its release does not have is a conflict of the two, and so is an argument. A name that
    is gone is the fault of the code that uses it.
    """
    return "SRC604" if gone and asker is None and not name.endswith(")") else "WHL506"


def subject(name: str) -> str:
    """For a reader: "the argument tokenizer of Trainer"."""
    found = re.fullmatch(r"(?P<whole>[\w.]*)\((?P<argument>\w+)\)", name)
    if found is None:
        return name.removeprefix("model:")
    of = f" of {found['whole']}" if found["whole"] else ""
    return f"the argument {found['argument']}{of}"


_SAID = re.compile(
    r"removed (?:in|since|from|as of) (?:the )?(?:[A-Za-z-]+ )?v?(?P<since>\d+(?:\.\d+)+)", re.I
)


def _came_with_its_class(known: Owner, name: str) -> bool:
    """Whether a class had it from the start: who has the class and lacks it is newer."""
    own = name_spans.span(known.package, re.split(r"[.(]", name)[0])
    return own is not None and own != known.span and own.first == known.span.first


Side = Literal["newer", "older", "either"]  # than the releases that have a name


def _side(known: Owner, name: str, hit: Hit) -> Side:
    """Where the installed release stands, as far as the span and the text tell."""
    span, here = known.span, stated_release(hit, known)
    first = span.first and not _came_with_its_class(known, name)
    if span.last and (not first or (here and numbers(here) > numbers(span.last))):
        return "newer"
    if span.first and (not span.last or (here and numbers(here) < numbers(span.first))):
        return "older"
    return "either"


def _lacks(known: Owner, name: str, side: Side, asker: str | None, hit: Hit) -> str:
    """Which of the two is the older one."""
    span, pip, it = known.span, known.pip, subject(name)
    here = stated_release(hit, known)
    installed = f"{pip} {here}" if here else f"the installed {pip}"
    if side == "newer":
        said = _SAID.search(hit.shown)
        since = (
            f"it went with {said['since']}"
            if said
            else f"{span.last} has it, {span.after} does not"
        )
        behind = (
            f" {asker} asks for it, and was written for an older {pip}."
            if asker
            else f" What asks for it was written for an older {pip}."
        )
        return f"{pip} does not have {it} any more ({since}).{behind}"
    if side == "older":
        asks = f"; {asker} asks for it" if asker else ""
        return f"{installed[0].upper()}{installed[1:]} is too old: {span.before} does not have {it}, {span.first} does{asks}."
    asks = f" {asker} asks for it." if asker else ""
    return f"{pip} has {it} from {span.first} up to {span.last} only: {installed} is most likely newer, else older (`pip show {pip}`).{asks}"


def stated_release(hit: Hit, known: Owner) -> str | None:
    """The release of a package that the text says is installed; None where it names none, or several."""
    name = re.escape(known.pip).replace("\\-", "[-_]")
    found = re.findall(
        rf"(?<![\w.-]){name}(?: version)?(?:==| ?: ?|[ \t]{{1,40}}|-)v?(\d+\.\d+(?:\.\d+)*)(?!\w)(?!\.\d)",
        context(hit, 8192, 2000),
        re.IGNORECASE,
    )
    return found[0] if len(set(found)) == 1 else None


def instead(name: str) -> str:
    """What code of today writes; "" where that is not known."""
    known = name_spans.successor(name)
    return known.instead if known else ""


_REQUIREMENT = re.compile(
    r"(?P<pip>[A-Za-z][\w.-]*?)(?:\[[^\]]*\])?(?P<sign><=?)(?P<version>\d[\w.]*)"
)


def replaced(name: str, asker: str | None, of: str = "") -> Told | None:
    """For a name whose successor is known, or a release that still has it. `of`: the package, where the text names it."""
    known = name_spans.successor(name)
    if known is None:
        return None
    ways = [
        f"a newer release of {asker or 'what asks for it'} (`pip install -U {asker or 'NAME'}`)"
    ]
    package = name.partition(".")[0] if re.match(r"[a-z]\w+\.", name) else ""
    pip = pip_name(package) if package else ""
    older = known.requirement or (name_spans.before_the_break(pip) or "")
    it = subject(name)
    if older:
        ways.insert(0, f'`pip install "{older}"`, a release that has {it}')
    elif pip:
        ways.append(f"an older release of {pip}, which has {it}")
    if known.instead:
        ways.append(f"in code of your own write {known.instead}")
    first, *others = ways
    do = f"{first[0].upper()}{first[1:]}; or {'; or '.join(others)}." if others else f"{first}."
    pip = pip or (pip_name(of) if of else "")
    what = _went(it, pip, known.requirement, asker)
    return Told(what, do, claim(name, True, asker), pip)


def _went(it: str, pip: str, requirement: str, asker: str | None) -> str:
    bound = _REQUIREMENT.fullmatch(requirement)
    if bound is None:
        of = f" of {pip}" if pip else " of its package"
        what = f"The installed release{of} does not have {it} any more."
    elif bound["sign"] == "<":
        what = f"{bound['pip']} does not have {it} any more (gone since {bound['version']})."
    else:
        what = f"{bound['pip']} does not have {it} any more ({bound['version']} is the last release that has it)."
    return f"{what} {asker or 'What asks for it'} was written for an older one."


def of_python(span: Span, name: str, asker: str | None) -> Told:
    """A part of the standard library, which another Python has."""
    whose = asker or "the package that asks for it"
    asks = f" {asker} asks for it." if asker else ""
    if span.last:
        _, successor = table("removed_names")["python"].get(name, ("", ""))
        own = f" In code of your own use {successor}." if successor else ""
        return Told(
            f"This Python has no {name} any more: {span.last} is the last that has it.{asks}",
            f"Python has {name} up to {span.last}: `pip install -U` a newer release of {whose}, or an environment of Python "
            f"{span.last} (`uv venv --python {span.last}`).{own}",
            claim(name, True, asker),
        )
    backport = _BACKPORTS.get(name.rpartition(".")[0] or name)
    own = (
        f" In code of your own `pip install {backport}` has it for older ones." if backport else ""
    )
    return Told(
        f"This Python is too old: {name} came with Python {span.first}.{asks}",
        f"Python has {name} from {span.first} on: an environment of a newer Python (`uv venv --python {span.first}`), or an "
        f"older release of {whose}.{own}",
        "WHL506" if asker else None,
    )


# What brings new parts of the standard library to older releases of Python.
_BACKPORTS = {
    "typing": "typing_extensions",
    "tomllib": "tomli",
    "importlib.metadata": "importlib_metadata",
    "importlib.resources": "importlib_resources",
}


def brought_as(module: str) -> str:
    """What pip installs for a module, with the options that it takes."""
    return str(table("import_names")["names"].get(module, module.replace("_", "-")))


def pip_name(package: str) -> str:
    """What pip is asked for, without options."""
    if package.lower() == "pytorch":
        return "torch"
    if recorded := name_spans.pip_name(package):
        return recorded
    known = str(table("import_names")["names"].get(package, package))
    return package if " " in known or "[" in known else known.replace("_", "-")
