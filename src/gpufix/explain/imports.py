"""An import that fails: which package lacks the name, and which one asks for it."""

from __future__ import annotations

import re
import sys

from gpufix.explain import comfyui
from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.frames import asking, frames_before
from gpufix.explain.hollow import hollow
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import instead, of_python, one_of, pip_name, replaced
from gpufix.knowledge import name_spans
from gpufix.knowledge.data_table import table
from gpufix.knowledge.name_spans import Span

_FROM = re.compile(
    r"cannot import name ['\"`]?(?P<name>[\w.]{1,120})['\"`]? from (?:partially initialized module )?"
    r"['\"`]?(?!partially\b)(?P<module>[\w.]{1,200})|(?P<type>module) ['\"`]?(?P<owner>[\w.]{1,200})['\"`]? (?:has no|(?:doesn.t|does not) have(?: an)?) "
    r"attribute ['\"`]?(?P<attribute>\w{1,120})|(?P<place>jax[\w.]{0,80})\.(?P<removed>\w{1,80}) was (?:deprecated in JAX [^\n]{1,30} and )?removed in JAX|No module named[ :'\"`]{1,4}(?P<part>\w{1,80}(?:\.\w{1,80}){0,6})(?![\w.])"
    r"|AttributeError: (?P<whose>torch(?:vision|audio)?(?:\.\w{1,80}){0,4})\.(?P<lacking>\w{1,80})\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_NUMPY_2 = re.compile(
    r"np\.(?P<name>\w{1,60})[`'\"]? (?:was )?removed (?:in|from) (?:the )?NumPy 2\.0", re.IGNORECASE
)


def lacking_name(explanation: Explanation, hit: Hit) -> Explanation:
    """The remedy names both sides: the package without the name, and the one that asks for it."""
    if empty := hollow(explanation, hit):
        return empty
    asked = _asked_in(hit)
    if asked is None:
        return _alone(explanation, hit)
    module, name, typed = asked
    owner = _package(module)
    if owner in _WORDS:
        return explanation
    if is_own_folder(owner):
        return explanation.but(do=own_folder(owner))
    asker = asking_package(hit, owner)
    if other := table("import_names")["names"].get(f"{module}.{name}"):
        return explanation.but(
            do=f"{module}.{name} is a package of its own: `python -m pip install {other}`."
        )
    if known := (
        _moved(module, name, asker)
        or _known(module, name, asker, hit)
        or _in_table(module, name, asker, hit)
    ):
        return known.of(explanation)
    if owner in sys.stdlib_module_names:
        return _of_standard_library(module, name).of(explanation)
    if found := _CHECKOUT.search(hit.shown):
        return _own_source(owner, name, found["path"], asker).of(explanation)
    hidden = (
        f" Where the installed {owner} should have it, a folder or file of that name hides it "
        f'(`python -c "import {owner}; print({owner})"`).'
    )
    if not typed:
        hidden = ""
    return Told(
        f"The installed {owner} has no {name}{f', which {asker} asks for' if asker else ''}: {owner} and "
        f"{asker or 'what asks for it'} are of different releases{', or a file or folder of that name hides it' if typed else ''}.",
        f"{_release(owner, name)}{_or_newer(asker, owner)}.{hidden}",
        "WHL506" if asker and not typed else None,
    ).of(explanation)


# The file that was asked, where it is no installed package's: "cannot import name 'x' from 'comfy.y' (D:/ComfyUI/comfy/y.py)".
_CHECKOUT = re.compile(
    r"from ['\"`][\w.]{1,200}['\"`] \((?P<path>(?![^)\n]*(?:(?:site|dist)-packages|[/\\]lib(?:64)?[/\\]python3|[/\\]Lib[/\\]))[^)\n]{0,300}\.py)\)"
)


def _own_source(owner: str, name: str, path: str, asker: str | None) -> Told:
    return Told(
        f"{owner}, as {path} has it, has no {name}: that source tree and {asker or 'what asks for it'} are of different states.",
        f"{owner} is a source tree here ({path}), and not an installed package. Where it is the project itself: bring it, and "
        f"{asker or 'what asks for ' + name}, to one state (`git pull` in both; or both at older releases). Where the package {owner} of "
        "PyPI is meant, this folder or file hides it: rename it, or start in another folder.",
    )


_WORDS = frozenset({"a", "an", "any", "it", "my", "that", "the", "there", "this", "your"})
# What projects call folders and files of their own: no package of these names is meant.
OWN_FOLDERS = frozenset(
    {"utils", "util", "models", "model", "src", "data", "scripts", "helpers", "common", "config", "configs", "modules", "tools",
     "core", "nodes", "dataset", "train", "inference", "lib", "libs", "options", "networks", "metrics"}
)  # fmt: skip


def is_own_folder(name: str) -> bool:
    """Whether a module of that name is a part of the program, and no package."""
    return name in OWN_FOLDERS or name in comfyui.MODULES


def own_folder(name: str) -> str:
    """The remedy for a part of a project that is not found, or found elsewhere."""
    if name in comfyui.MODULES:
        return f"{name} is ComfyUI's own. {comfyui.REMEDY}. A folder or package of that name that is found first hides it (`pip uninstall {name}`)."
    return (
        f"{name} is a folder or file of the project itself: start in the project's folder or with PYTHONPATH=. (an __init__.py "
        f"in the folder for `python -m`), after `git pull` and `git submodule update --init --recursive`, so that it is whole. "
        f'Another {name} that is found first hides it (`python -c "import {name}; print({name})"`; `pip uninstall {name}`).'
    )


def _alone(explanation: Explanation, hit: Hit) -> Explanation:
    """A name whose module is not told: the package that is known to have had it, where there is one only."""
    bare = _BARE.search(hit.shown)
    owner = name_spans.sole_owner(bare["name"]) if bare else None
    if bare is None or owner is None:
        return explanation
    asker = asking_package(hit, owner)
    known = _known(owner, bare["name"], asker, hit)
    if known is None and (place := name_spans.module_of(owner, bare["name"])):
        known = _in_table(place, bare["name"], asker, hit)
    return known.of(explanation) if known else explanation


_BARE = re.compile(r"cannot import name ['\"`]?(?P<name>\w{1,120})")


def _asked_in(hit: Hit) -> tuple[str, str, bool] | None:
    """The module and the name that it lacks, and whether a module's attribute was asked for."""
    if found := _FROM.search(hit.shown):
        return *_asked(found), bool(found["type"])
    bare = _BARE.search(hit.shown)
    if bare is None:
        return None
    asking = rf"from (?P<module>[\w.]{{1,200}}) import (?:[^\n]{{0,300}}\W)?{bare['name']}\b"
    found = re.search(asking, context(hit, 2000, 0))
    return (found["module"], bare["name"], False) if found else None


def _asked(found: re.Match[str]) -> tuple[str, str]:
    """The module, and the name that it lacks."""
    if found["part"]:
        module, _, name = found["part"].rpartition(".")
        return module, name
    module = found["module"] or found["owner"] or found["whose"] or found["place"]
    return module, found["name"] or found["attribute"] or found["lacking"] or found["removed"]


def _moved(module: str, name: str, asker: str | None) -> Told | None:
    """A name that is gone from that module, and stays in another one: what other tables say of it is not of this module."""
    whole = f"{module}.{name}"
    return replaced(whole, asker) if name_spans.moved(whole) else None


def _known(module: str, name: str, asker: str | None, hit: Hit) -> Told | None:
    """The releases that have a name of a Hugging Face package, and who is known to ask for it."""
    owner = _package(module)
    known = name_spans.owner_of(owner, name)
    if known and (
        of := name_spans.of_module(module, name, is_there="cannot import name" in hit.shown)
    ):
        known = of  # read of each module, not of the package
    if known is None and owner == "transformers":
        known = name_spans.of_model(name)
    return one_of(known, name, asker, hit) if known else None


def recorded_name(explanation: Explanation, hit: Hit) -> Explanation:
    """The releases that have the name, before what the row says anyway."""
    found = _FROM.search(hit.shown)
    if found is None:
        return explanation
    module, name = _asked(found)
    known = _in_table(module, name, asking_package(hit, _package(module)), hit)
    return (
        explanation.but(what=known.what, do=f"{known.do} {explanation.do}")
        if known
        else explanation
    )


def _in_table(module: str, name: str, asker: str | None, hit: Hit) -> Told | None:
    """The releases that have a name or a module, of the packages whose names are recorded."""
    whole = f"{module}.{name}".strip(".")
    if known := name_spans.of_module(module, name, is_there="cannot import name" in hit.shown):
        return one_of(known, whole, asker, hit)
    if succeeded := replaced(whole, asker):
        return succeeded
    last, _ = table("removed_names")["python"].get(whole, ("", ""))
    return of_python(Span("", last, ""), whole, asker) if last else None


def _of_standard_library(module: str, name: str) -> Told:
    """A name that Python's own module lacks, and that no table has: it comes with another Python, or a file hides it."""
    top = _package(module)
    return Told(
        f"{module} of this Python has no {name}: another release of Python has it, or a file or package of that name hides it.",
        f"{module} is a part of Python: another release of it has {name} (`uv venv --python 3.12`, or 3.10 for what is "
        f'gone). Where this one should have it, a file or package of that name hides it (`python -c "import {top}; '
        f'print({top})"`; `pip uninstall {top}`).',
    )


_OF_TORCH = ("torch", "torchvision", "torchaudio")


def removed_python(explanation: Explanation, hit: Hit) -> Explanation:
    """The successor of a name that is known to be gone; else the row's remedy, and who asks for it."""
    if numpy := _NUMPY_2.search(hit.shown):
        row = table("removed_names")["names"].get(f"numpy.{numpy['name']}", {})
        now = str(row.get("instead", "what the message names in its place")).replace("{}", "np")
        return explanation.but(
            do=f'`pip install "numpy<2"`, or a newer release of what uses np.{numpy["name"]}; in code of your own write '
            f"{now}."
        )
    if empty := hollow(explanation, hit):
        return empty
    found = _FROM.search(hit.shown)
    if found is None:
        return explanation
    module, name = _asked(found)
    if _package(module).startswith("torch") and _package(module) not in _OF_TORCH:
        other = (
            f"The installed {_package(module)} does not have {name}: another release of it does."
        )
        return lacking_name(explanation.but(rule=None, role="symptom", what=other), hit)
    if gone := _gone(module, name):
        return gone.of(explanation)
    asker = asking_package(hit, _package(module))
    if since := _since(module, name):
        return _newer_torch(f"{module}.{name}", since, asker).of(explanation)
    if known := _in_table(module, name, asker, hit):
        return known.of(explanation)
    if asker is None:
        return explanation
    return explanation.but(
        do=f"{explanation.do} Here {asker} asks for it: take its release for the installed {_package(module)}."
    )


def _since(module: str, name: str) -> str | None:
    """The torch release that brought a name, or the module that it is asked of."""
    came: dict[str, str] = table("removed_names")["came"]
    return came.get(f"{module}.{name}") or came.get(module)


def _newer_torch(name: str, since: str, asker: str | None) -> Told:
    whose = (
        asker
        or "the package that asks for it (accelerate, transformers, torchao … ask at their import)"
    )
    asks = f", and {asker} asks for it" if asker else ""
    return Told(
        f"The installed torch is too old: {name} came with torch {since}{asks}.",
        f'{name} came with torch {since}: `pip install -U "torch>={since}"` with torchvision and torchaudio from one index; '
        f"or, where torch has to stay, an older release of {whose}, which goes with this torch.",
    )


def _gone(module: str, name: str) -> Told | None:
    """What is known of a name that some release took away: that it is gone, and what to do."""
    names = table("removed_names")["names"]
    parts = f"{module}.{name}".split(".")
    whole = [".".join(parts[:length]) for length in range(len(parts), 1, -1)]
    full = next((one for one in whole if one in names), module)
    row = names.get(full)
    if row is None:
        return None
    package, since = row["package"], row["since"]
    now = row.get("instead", "").replace("{}", parts[0])  # the module, by whichever name
    if since == "0":
        return Told(f"{package} has no {full}.", f"Use {now or 'what its documentation names'}.")
    write = now or instead(full)
    change = f"Use {write} in its place" if write else "Change the code that uses it"
    return Told(
        f"{full} is gone from {package} since {since}.",
        f"{change}, take a newer release of the package that asks for it, or `pip install "
        f'"{package}<{since}"`.',
    )


def _release(owner: str, name: str) -> str:
    pip = pip_name(owner)
    before = name_spans.before_the_break(pip) or f"{pip}==X.Y.Z"
    of = "" if "X.Y.Z" not in before else " (the release of the project's requirements)"
    return (
        f"Install the {owner} release that has {name}: where it is newer than the installed one `pip install -U {pip}`; "
        f'where a release took it away `pip install "{before}"`{of}'
    )


def _or_newer(asker: str | None, owner: str) -> str:
    if asker is None:
        return f"; or an older release of the package that asks for it, which goes with the installed {owner}"
    return f"; or a release of {asker} that goes with the installed {owner}"


def _package(module: str) -> str:
    return module.partition(".")[0]


_INTEGRATION = re.compile(
    r"Failed to import transformers\.integrations\.(?P<package>\w{1,40}) because"
)
_LAZY = re.compile(r"Failed to import (?P<package>transformers|diffusers)\.[\w.]{1,120} because")


def asking_package(hit: Hit, owner: str) -> str | None:
    """The package that asks for something of the owner; or the one that transformers says it imported."""
    before = context(hit, 1000, 0)
    if integration := _INTEGRATION.search(before):
        return integration["package"]
    shown = frames_before(hit)
    lazy = _LAZY.search(before) if not shown else None
    return lazy["package"] if lazy and lazy["package"] != owner else asking(shown, owner)
