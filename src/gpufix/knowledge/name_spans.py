"""Which releases of a package have a name, an attribute, an argument: what to install for it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from functools import cache

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import packed_table, table

PYTHON = "python"  # the package of the standard library's modules


class Span(Frozen):
    """The releases that have a name, "" where that end is open. `without`: what pip is told to stay below.

    `before` and `after`: the releases read next to them, which do not have it; "" not told. `again`: the
    release in which it came back, "" where it did not.
    """

    first: str
    last: str
    without: str
    before: str = ""
    after: str = ""
    again: str = ""

    @property
    def bounds(self) -> str:
        """As pip writes it: ">=4.36.2,<5.0.0"."""
        until = self.last and (f"<{self.without}" if self.without else f"<={self.last}")
        return ",".join(filter(None, [self.first and f">={self.first}", until]))

    @property
    def words(self) -> str:
        """For a reader: "from 4.36.2 up to 4.57.1"."""
        ends = [self.first and f"from {self.first}", self.last and f"up to {self.last}"]
        return " ".join(filter(None, [*ends, self.again and f"and again from {self.again}"]))

    @property
    def outside(self) -> str:
        """The releases that do not have it, as pip writes them: "<0.14.0"; the later ones first."""
        later = f">={self.without}" if self.without else f">{self.last}"
        return (self.last and later) or f"<{self.first}"


def _series(release: str) -> str:
    """The first release of a major series, below which pip can be told to stay: others between the two that were read may lack
    the name already."""
    return release if re.fullmatch(r"\d+\.0(?:\.0)?", release) else ""


@cache
def _names(package: str) -> Mapping[str, Span]:
    rows = packed_table("name_history")["packages"].get(package, ())
    releases = packed_table("name_history")["releases"].get(package, ())
    return {
        name: Span(
            first := row.get("first", ""),
            row.get("last", ""),
            _series(without := row.get("without", "")),
            releases[releases.index(first) - 1] if first else "",
            without,
            row.get("again", ""),
        )
        for row in rows
        for name in row["names"].split()
    }


def owner_of(package: str, name: str) -> Owner | None:
    """The same of `span`, with the package."""
    known = span(package, name)
    return Owner(package, package, known) if known else None


def span(package: str, name: str) -> Span | None:
    """Of `DynamicCache`, `DynamicCache.get_max_length`, `Trainer(tokenizer)`, `model:qwen3`; None: not known."""
    known = _names(package).get(name)
    if known or package not in packed_table("name_history")["packages"]:
        return known
    of = _owner(package, name if re.search(r"[.(]", name) else f":{name}")
    return of.span if of else None


def sole_owner(name: str) -> str | None:
    """The package whose releases differ in a name, in whatever module; None where it is none, or several."""
    found = {one for one in packed_table("name_history")["packages"] if name in _names(one)}
    found |= {one for one in _packages() if one != PYTHON and next(_ending(one, name, ":="), None)}
    return found.pop() if len(found) == 1 else None


def module_of(package: str, name: str) -> str | None:
    """The module of a package that has a name in some releases only; None where that is not one."""
    found = {one.partition(":")[0].strip("=") for one in _ending(package, name, ":=")}
    return f"{package}.{found.pop()}".rstrip(".") if len(found) == 1 else None


def source() -> str:
    """The wheels that were read."""
    return str(packed_table("name_history")["source"])


def of_model(name: str) -> Owner | None:
    """Of a class of a model, by the model that it is named after: Qwen3ForCausalLM came with qwen3. None for what is no class."""
    if not name[:1].isupper():
        return None
    plain = name.lower()
    types = [one[6:] for one in _names("transformers") if one.startswith("model:")]
    after = [one for one in types if plain.startswith(re.sub(r"[_-]", "", one))]
    return owner_of("transformers", f"model:{max(after, key=len)}") if after else None


def askers(package: str, name: str) -> Mapping[str, Span]:
    """The packages whose import wants that name, with their releases that do."""
    rows = packed_table("name_history")["askers"].get(f"{package}:{name}", {})
    return {asker: Span(*row) for asker, row in rows.items()}


def renamed(owner: str, argument: str) -> str | None:
    """What an argument of a class is called now; of no class where that is not told ("")."""
    names: dict[str, str] = packed_table("name_history")["renamed"]
    for old, new in names.items():
        if f"{owner}({argument})".endswith(old) or (not owner and old.endswith(f"({argument})")):
            return new
    return None


def package_of(owner: str) -> str | None:
    """The package of a class whose attributes or arguments are recorded."""
    packages: dict[str, object] = packed_table("name_history")["packages"]
    for package in packages:
        if any(name.startswith((f"{owner}.", f"{owner}(")) for name in _names(package)):
            return package
        if _has_member(package, owner):
            return package
    return None


def _has_member(package: str, owner: str) -> bool:
    spans = _packages()[package]["names"] if package in _packages() else {}
    assert isinstance(spans, dict)
    return any(f" {owner}{sign}" in f" {names}" for names in spans.values() for sign in ".(")


class Owner(Frozen):
    """A package that has a name for some releases only. `pip`: the name of its distribution."""

    package: str
    pip: str
    span: Span


def of_module(module: str, name: str, is_there: bool = False) -> Owner | None:
    """Of a name that is asked of a module, or of a module: None where it is not known to have come or gone.

    `is_there`: the module was found, so that it is not what came or went.
    """
    package, _, place = module.partition(".")
    if package not in _packages():
        package, place = PYTHON, module
    inner = f"{place}.{name}".strip(".")
    parts = inner.split(".")
    modules = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    itself, *above = (f".{one}" for one in modules)  # before what its package imports of it
    here = f"{place}:{name}" if place else f"={name}"
    for token in (itself, here, *([] if is_there else above), f":{name}"):
        if (token != f":{name}" or package != PYTHON) and (known := _owner(package, token)):
            return known
    return None


def recorded(package: str) -> bool:
    """Whether the names of a package are."""
    return package in _packages()


def pip_name(package: str) -> str | None:
    """The distribution of a package whose names are recorded."""
    row = _packages().get(package)
    return str(row["pip"]) if row else None


def of_member(owner: str, name: str) -> Iterator[Owner]:
    """Of an attribute of a class: each package that has such a class."""
    yield from _owners(f"{owner}.{name}")


def members(package: str, name: str) -> Iterator[tuple[str, Owner]]:
    """The classes of a package of which an attribute or an argument of that name is recorded, and of which releases."""
    ends = (f".{name}", f"({name})")
    tokens = [one for one in _names(package) if one.endswith(ends)]
    if package in _packages():
        tokens += [one for end in ends for one in _ending(package, end)]
    for token in tokens:
        if known := owner_of(package, token):
            yield re.split(r"[.(]", token)[0], known


def of_member_like(owner: str, name: str) -> Iterator[tuple[str, Owner]]:
    """The same of the classes that one is named after: FigureCanvasInterAgg is a FigureCanvasAgg."""
    parts = _words(owner)
    for package in _packages():
        for token in _ending(package, f".{name}"):
            whole = token.rpartition(".")[0]
            named = _words(whole)
            rest = iter(parts)
            like = len(named) > 1 and whole != owner and all(one in rest for one in named)
            if like and (known := _owner(package, token)):
                yield whole, known


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Z][a-z0-9]*|[a-z0-9]+", name)


def of_called(
    argument: str, called: Container[str], packages: Container[str]
) -> tuple[str, Owner] | None:
    """The function or class that takes an argument in some releases only: one that a text calls, else all those of a package (of
    any, where nothing is named), if they agree.
    """
    for near in (True, False):
        found = {
            known.span.bounds + package: (token.partition("(")[0], known)
            for package in _packages()
            for token in _ending(package, f"({argument})")
            if (
                token.partition("(")[0].rpartition(".")[2] in called
                if near
                else package in packages or not (packages or called)
            )
            and (known := _owner(package, token))
        }
        if len(found) == 1:
            return next(iter(found.values()))
    return None


def _ending(package: str, end: str, after: str = "") -> Iterator[str]:
    """The members, or the names of modules that stand after one of these signs."""
    spans = _packages()[package]["names"]
    assert isinstance(spans, dict)
    for names in spans.values():
        if end not in names:
            continue
        for one in names.split():
            if not one.endswith(end):
                continue
            if one[: -len(end)][-1:] in after if after else one[0] not in ".:=":
                yield one


def of_argument(function: str, name: str) -> Iterator[Owner]:
    """Of an argument of a class or function: each package that has one of that name."""
    yield from _owners(f"{function}({name})")


def _packages() -> Mapping[str, dict[str, object]]:
    packages: Mapping[str, dict[str, object]] = packed_table("package_names")["packages"]
    return packages


def _owners(token: str) -> Iterator[Owner]:
    for package in _packages():
        if known := _owner(package, token):
            yield known


def _owner(package: str, token: str) -> Owner | None:
    row = _packages().get(package, {"releases": [], "names": {}})
    releases, spans = row["releases"], row["names"]
    assert isinstance(releases, list) and isinstance(spans, dict)
    for between, names in spans.items():
        if token in names and f" {token} " in f" {names} ":
            first, _, last = between.partition("-")
            after = releases[int(last) + 1] if last else ""
            span = Span(
                releases[int(first)] if first else "",
                releases[int(last)] if last else "",
                _series(after),
                releases[int(first) - 1] if first else "",
                after,
            )
            return Owner(package, str(row["pip"]), span)
    return None


class Successor(Frozen):
    """`instead`: what code of today writes; `requirement`: as pip is asked for a release with the name; "" unknown."""

    instead: str
    requirement: str


def successor(name: str) -> Successor | None:
    """Of `moviepy.editor`, of what lies below it, of `DataFrame.append`, of `Client(proxies)`."""
    names: dict[str, list[str]] = table("successors")["names"]
    parts = name.split(".")
    tries = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
    found = next((one for one in (name, *tries) if one in names), None)
    return Successor(instead=names[found][0], requirement=names[found][1]) if found else None


def moved(name: str) -> bool:
    """Whether the successor of this very name is known, with the releases that have it."""
    return bool(table("successors")["names"].get(name, ("", ""))[1])


def before_the_break(package: str) -> str | None:
    """The releases of a package before the one that most of the code older than it does not run with."""
    major = table("successors")["majors"].get(package.replace("-", "_"))
    return f"{package.replace('_', '-')}<{major}" if major else None
