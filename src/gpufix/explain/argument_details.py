"""Arguments that a function of another release takes: which release that is."""

from __future__ import annotations

import re

from gpufix.explain.class_owners import near, older_release, package_of, recorded
from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.frames import asking, frames_before
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import one_of, pip_name, replaced
from gpufix.knowledge import name_spans
from gpufix.knowledge.name_spans import Owner

_CALL = re.compile(
    r"(?:(?P<owner>\w{1,80})\.)?(?P<function>\w{1,80})\(\) (?:got an unexpected keyword argument|"
    r"missing \d{1,2} required (?:positional|keyword-only) arguments?|takes|got multiple values)"
    r"[^'\"‘“`\n]{0,80}(?:['\"‘“`](?P<argument>\w{1,80}))?"
)

_MAKERS = ("__init__", "init", "from_pretrained", "load_dataset")

_SUGGESTED = re.compile(r"Did you mean ['\"‘“`](?P<name>\w{1,80})['\"’”`]\?")


def other_arguments(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The release that takes the argument, and the name that Python itself finds like it."""
    told = _arguments(explanation, hit)
    like = _SUGGESTED.search(f"{hit.shown}\n{hit.after[:160]}")
    if told is None or like is None or like["name"] in (told.do or ""):
        return told
    return told.but(do=f"{told.do} In code of your own write {like['name']}=… in its place.")


def _arguments(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The release of the class that takes the argument; else the packages that the frames name."""
    found = _CALL.search(_unwrapped(hit))
    around = near(hit)
    if found is None:
        return _bare_argument(explanation, hit)
    owner, argument = found["owner"], found["argument"]
    package = package_of(owner) if owner else None
    if (
        argument
        and found["function"] in ("__init__", "init")
        and (new := name_spans.renamed(owner or "", argument))
    ):
        return _new_name(owner or "", argument, new, around).of(explanation)
    if argument:
        init = found["function"] in ("__init__", "init")
        whole = owner if init else ".".join(filter(None, (owner, found["function"])))
        if kept := recorded(name_spans.of_argument(whole or "", argument), owner or "", hit):
            return one_of(kept, f"{whole}({argument})", None, hit).of(explanation)
        if gone := replaced(f"{whole}({argument})", next(iter(around), None)):
            return gone.of(explanation)
    if package and argument:
        name = (
            f"{owner}({argument})"
            if found["function"] == "__init__"
            else f"{owner}.{found['function']}({argument})"
        )
        if known := name_spans.owner_of(package, name):
            other = next((n for n in around if n != package), None)
            return one_of(known, name, other, hit).of(explanation)
    if argument and (called := _called(found["function"], argument, around, hit)):
        whole, of = called
        return one_of(of, f"{whole}({argument})", None, hit).of(explanation)
    if package and package not in around:
        around = [package, *around][:2]
    making = argument and owner is None and found["function"] in _MAKERS
    if making and (gone := replaced(f"({argument})", next(iter(around), None))):
        return gone.of(explanation)
    if not around:
        return explanation if re.search("unexpected keyword|multiple values", hit.shown) else None
    shown = frames_before(hit)
    caller = shown[-1] if shown else None
    if (
        argument
        and package is None
        and caller
        and caller.package
        and _overridden(found, caller.code)
    ):
        return explanation.but(
            rule="WHL506",
            what=f"{caller.package} gives {owner}.{found['function']} the argument {argument}: the method that {owner} has in its place is of an older "
            f"{caller.package}, and does not take it.",
            do=f"`**kwargs` as the last parameter of {owner}.{found['function']}, or the newest state of the code that {owner} is in. Or the release of "
            f'{caller.package} for which it was written: `pip install "{pip_name(caller.package)}==X.Y.Z"`, as its requirements name it.',
        )
    reader = shown[-1].package if shown and shown[-1].of_data else None
    if argument and reader and package in (None, reader):
        return explanation.but(
            rule="WHL506",
            what=f"{reader} makes its own {owner or found['function']} of what it read from a file, and {argument} in it is none that this release knows: "
            "the file is of a newer one.",
            do=f"`pip install -U {pip_name(reader)}`; or take {argument} out of the file (most often the model's config.json).",
        )
    is_own = argument and shown and asking(shown, "") is None
    own = f" In code of your own leave {argument} out." if is_own else ""
    whose = " and ".join(around)
    older = " ".join(f'"{older_release(one)}"' for one in around)
    unknown = package and "unexpected keyword" in hit.shown  # others may be a caller's own mistake
    return explanation.but(
        rule="WHL506" if unknown else None,
        do=f"Install the release of {whose} that the project names (`pip install {older}`): most often an older one, which knows "
        f"(or does not give) {argument or 'these arguments'}. Else a newer release of the caller (`pip install -U {pip_name(around[0])}`).{own}",
    )


def _overridden(found: re.Match[str], code: str) -> bool:
    """Whether a line calls a method of its own object, which a class derived from it may have replaced."""
    return bool(found["owner"] and re.search(rf"\bself\.{found['function']}\(", code))


_CALLED = re.compile(r"(?<![\w.])(?:\w{1,60}\.){0,4}(?P<name>[A-Za-z_]\w{1,80})\(")


def _called(function: str, argument: str, around: list[str], hit: Hit) -> tuple[str, Owner] | None:
    """Whose argument it is, where the message names only __init__ or a base class: what the lines of the text call."""
    if function not in _MAKERS:
        return None
    shown = context(hit, 2000, 400)
    called = {one["name"] for one in _CALLED.finditer(shown)} - {*_MAKERS, "super", "func", "fn"}
    return name_spans.of_called(argument, called, around[:1])


def unexpected_by(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The release of the package that has the class; None where it is not known whose it is."""
    owner = explanation.captures.get("name", "")
    package = package_of(owner)
    if package is None:
        return None
    return explanation.but(
        do=f'{owner} is of {package}: the release of it that the project\'s requirements name (`pip install "{older_release(package)}"`; most often '
        "an older one), or the newest state of the code that gives them. What is ignored has no effect on the result.",
    )


def _unwrapped(hit: Hit) -> str:
    """The message with its next line where it breaks before the argument."""
    if hit.shown.rstrip().endswith("keyword argument"):
        return f"{hit.shown.rstrip()} {hit.after.lstrip().partition(chr(10))[0]}"
    return hit.shown


def _bare_argument(explanation: Explanation, hit: Hit) -> Explanation:
    """Only the argument is told: its new name, where it has one."""
    argument = explanation.captures.get("name", "")
    new = name_spans.renamed("", argument)
    return _new_name("", argument, new, near(hit)).of(explanation) if new else explanation


def _new_name(owner: str, argument: str, new: str, around: list[str]) -> Told:
    caller = next(
        (one for one in around if one not in ("transformers", "trl")), "the code that calls it"
    )
    package = package_of(owner) or "transformers"
    known = name_spans.span(package, f"{owner}({argument})")
    older = f': `pip install "{package}{known.bounds}"`' if known else ""
    since = f" ({known.last} took it, {known.after} does not)" if known and known.last else ""
    return Told(
        f"{owner or 'The function'} of the installed {package} takes no {argument} any more: it is called {new} now{since}.",
        f"{argument} is called {new} now: write {new}=… in its place, or take a newer release of {caller}; or install an "
        f"older {package}, which still takes {argument}{older}.",
    )
