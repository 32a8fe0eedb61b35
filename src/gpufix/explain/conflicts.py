"""What resolvers say of requirements that do not hold: which package decides, and at which version."""

from __future__ import annotations

import re
from collections import defaultdict

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from gpufix.explain import index_lacks, stated
from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.frames import frames
from gpufix.explain.imports import lacking_name
from gpufix.explain.log_scan import Hit
from gpufix.explain.offered import newest_python, with_hint
from gpufix.knowledge.data_table import table
from gpufix.knowledge.packages import for_torch
from gpufix.text.names import normalise

_HAS = re.compile(
    r"(?P<who>[A-Za-z][\w.-]{0,60}) (?P<version>\d[\w.+!-]{0,40}) (?:requires|has requirement) "
    r"(?P<what>[A-Za-z][\w.-]{0,60})(?:\[[\w,-]*\])?\s?(?P<wants>[<>=!~][^\s;]{0,80}?)(?:;[^,\n]{0,80})?, but you(?:'ll)? "
    r"have (?P=what) (?P<has>\d[\w.+!-]{0,40})"
)
_DEPENDS = re.compile(
    r"(?P<who>[A-Za-z][\w.-]{0,60})(?:==| )(?P<version>\d[\w.+!-]{0,40}) (?:depends on|requires) "
    r"(?P<what>[A-Za-z][\w.-]{0,60})(?:\[[\w,-]*\])?\s?(?P<wants>[<>=!~]=?[\w.+!*-]{1,40}(?:(?:, ?| and )[<>=!~]=?[\w.+!*-]{1,40}){0,3})"
)
_NIGHTLY = re.compile(r"\.dev20\d{6}")
_MARGINS = re.compile(r"\s+")


def unmet(explanation: Explanation, hit: Hit) -> Explanation:
    """The remedy of pip's notice: the version that all who speak of a package ask for, where there is one."""
    wants: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    has: dict[str, str] = {}
    for found in _HAS.finditer(context(hit, 6000, 6000)):
        has[found["what"]] = found["has"]
        wants[found["what"]][found["wants"]].add(f"{found['who']} {found['version']}")
    if not wants and (alone := _DEPENDS.search(hit.shown)):
        asks = f"{alone['what']}{_joined(alone['wants'])}"
        return explanation.but(
            what=f"{alone['who']} {alone['version']} wants {asks}, and another {alone['what']} is installed.",
            do=f'`pip install "{asks}"`, as {alone["who"]} {alone["version"]} asks; or a release of {alone["who"]} for the installed '
            f"{alone['what']}.",
        )
    if not wants:
        return explanation
    what = max(wants, key=lambda name: sum(map(len, wants[name].values())))
    asked = wants[what]
    if len(asked) == 1:
        wanted, who = next(iter(asked.items()))
        return explanation.but(
            what=f"{what} {has[what]} is installed, and {_some(who)} want{'s' if len(who) == 1 else ''} {what}{wanted}.",
            do=f'`pip install "{what}{wanted}"`: {_some(who)} ask{"s" if len(who) == 1 else ""} for it. '
            f"Or move what asks to a release for the installed {what}; where that works all the same, pip's "
            "remark does no harm.",
        )
    sides = "; ".join(f"{_some(who)}: {what}{wanted}" for wanted, who in list(asked.items())[:3])
    return explanation.but(
        what=f"{what} {has[what]} is installed, and not all who ask for it take that: {sides}.",
        do=f"Choose one {what} for all ({sides}), and install them in one command. "
        "`gpufix doctor` shows what does not hold.",
    )


def contradiction(explanation: Explanation, hit: Hit) -> Explanation:
    """The remedy of a resolver's failure: the package that two sides want at different versions; and uv's hint."""
    if apart := _extras(context(hit, 2000, 4000)):
        return apart.of(explanation)
    return with_hint(_parted(explanation, hit), hit)


_PROJECT_PYTHON = re.compile(
    r"requested\s+Python\s+version\s+\((?P<allowed>[<>=!~]=?[\d.*]+)[^)]{0,40}\)\s+does\s+not\s+satisfy\s+Python(?P<wants>[<>=!~]=?[\d.*]{1,10})"
    r"(?:\s+and\s+(?P<who>[A-Za-z][\w.\[\]=-]{0,80})\s+depends\s+on\s+(?P<what>[A-Za-z][\w.-]{0,60}))?"
)


def _project_python(around: str) -> Told | None:
    """uv's: the project allows a Python that one of its requirements does not take; what and do."""
    found = _PROJECT_PYTHON.search(around)
    if found is None or not found["wants"].startswith(">"):
        return None
    what, wants = found["what"] or "", found["wants"].rstrip(".")
    whose = found["who"] if what in ("", "Python") else what
    whose = whose or "a requirement"
    return Told(
        f"The project allows Python {found['allowed']}, and {whose} wants Python {wants}: uv looks for versions for each Python that "
        "the project allows.",
        f'`requires-python = "{wants}"` in pyproject.toml, then `uv lock`; or an older {whose}, which takes Python {found["allowed"]}.',
    )


_EXTRAS = re.compile(
    r"(?P<project>[\w.-]{1,60})\[(?P<first>[\w.-]{1,60})\] depends on (?P<what>[A-Za-z][\w.-]{0,60})(?P<one>[<>=!~][\w.+!*,<>=~-]{1,60}) and "
    r"(?P=project)\[(?P<second>[\w.-]{1,60})\] depends on (?P=what)(?P<other>[<>=!~][\w.+!*,<>=~-]{1,60})"
)


def _extras(around: str) -> Told | None:
    """uv's: two extras of the project want one package at versions that exclude each other."""
    found = _EXTRAS.search(_MARGINS.sub(" ", around))
    if found is None:
        return None
    first, second, what = found["first"], found["second"], found["what"]
    one, other = found["one"].rstrip("."), found["other"].rstrip(".,")
    return Told(
        f"The extras {first} and {second} of {found['project']} exclude each other at {what} ({first} wants {one}, {second} wants {other}). And uv "
        "locks all extras of a project together, whichever is asked for.",
        f'Declare it in pyproject.toml: `[tool.uv]` with `conflicts = [[{{ extra = "{first}" }}, {{ extra = "{second}" }}]]` (all extras that '
        "exclude each other in one list); the project's newer source can have it. Or, without a lock: `uv pip install -e "
        f'".[{first}]"`, with one of them.',
    )


def _parted(explanation: Explanation, hit: Hit) -> Explanation:
    around = context(hit, 2000, 4000)
    if _NIGHTLY.search(around):
        return explanation.but(
            do="A nightly is named: indexes delete nightlies after some weeks. Install that wheel by its "
            "own address while it exists, a newer nightly of all of them, or the release that followed."
        )
    if python := _CURRENT.search(around):
        wants = python["wants"].rstrip(".,")
        fits = newest_python(wants)
        return explanation.but(
            what=f"Python {python['here']} is in use, and the requirements take Python {wants} only.",
            do=f"Python {python['here']} is not one that the requirements take ({wants}): `uv venv --python {fits}` (`uv python pin {fits}` in a project, "
            f"requires-python in pyproject.toml), or newer releases of what asks for it.",
        )
    if "use pip<24.1" in around:
        return explanation.but(
            do='`python -m pip install "pip<24.1"`, then again: newer ones refuse a release whose metadata is not valid, as they say above; '
            "or a newer release of that package."
        )
    if lacks := index_lacks.lacks(around):
        return lacks.of(explanation)
    if allowed := _project_python(around):
        return allowed.of(explanation)
    if other := index_lacks.other_releases(around):
        return other.of(explanation)
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for found in _DEPENDS.finditer(around):
        sides[found["what"]].setdefault(
            _joined(found["wants"]), f"{found['who']} {found['version']}"
        )
    parted = {what: asked for what, asked in sides.items() if len(asked) > 1}
    if family := _of_torch(around):
        explanation = explanation.but(
            what="torch and its companions are asked for at releases that do not belong together.",
            do=f"{family} {explanation.do}",
        )
    elif pin := _pinned(around):
        return pin.of(explanation)
    if not parted:
        return _named(explanation, hit)
    what = "torch" if "torch" in parted else max(parted, key=lambda name: len(parted[name]))
    named = "; ".join(
        f"{who} wants {what}{wanted}" for wanted, who in list(parted[what].items())[:3]
    )
    return explanation.but(
        what=f"The requirements exclude each other at {what}: {named}.",
        do=f"They part at {what}: {named}. Take releases of them for one {what}: loosen the pin of the one "
        f"that is behind, or leave its version to the resolver. {explanation.do}",
    )


_CANNOT = re.compile(r"[Cc]annot install (?P<names>[^\n]{3,300}?) because these packages?\b")


def _named(explanation: Explanation, hit: Hit) -> Explanation:
    """pip's first line only: which requirements it names, and which of them are pinned."""
    found = _CANNOT.search(hit.shown)
    pins = (
        re.findall(r"(?<![\w.-])([A-Za-z][\w.-]{0,60})==[\w.+!-]{1,40}", found["names"])
        if found
        else []
    )
    if found is None or not pins:
        return explanation
    loose = ", ".join(dict.fromkeys(pins))
    return explanation.but(
        what=f"The requirements exclude each other: {found['names']}.",
        do=f"Leave out the version of {loose} (or of what the other line asks for) and install all in one command, so that pip chooses. The lines "
        'below "The conflict is caused by" say which versions are wanted.',
    )


_CURRENT = re.compile(
    r"current Python version \((?P<here>[\d.]{1,12})\) does not satisfy Python(?P<wants>[<>=!~]=?[\d.*]{1,10}(?:,[<>=!~]=?[\d.*]{1,10}){0,3})"
)
_REQUESTED = re.compile(
    r"(?:The user requested|you require|your project depends on) (?P<what>[A-Za-z][\w.-]{0,60})(?:\[[\w,-]*\])?\s?==\s?(?P<version>\d[\w.+!-]{0,40})"
)


def _pinned(around: str) -> Told | None:
    """A version that the requirements name, and who among them excludes it; what and do."""
    pins = {normalise(one["what"]): one["version"] for one in _REQUESTED.finditer(around)}
    for found in _DEPENDS.finditer(around):
        pin = pins.get(normalise(found["what"]))
        wants = _joined(found["wants"])
        if pin is None or _allows(wants, pin):
            continue
        what, who = found["what"], found["who"]
        return Told(
            f"The requirements ask for {what}=={pin}, and {who} {found['version']} wants {what}{wants}.",
            f"{who} {found['version']} wants {what}{wants}, the requirements {what}=={pin}: write `{what}{wants}` in its place (or leave "
            f"the version of {what} out). Or take a release of {who} that goes with {what} {pin} (leave the version of {who} out, and "
            "the resolver looks for it).",
        )
    return None


def _joined(wants: str) -> str:
    return re.sub(r",? and |, ", ",", wants)


def _allows(wants: str, version: str) -> bool:
    try:
        return SpecifierSet(wants).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


_PINNED = re.compile(
    r"(?<![\w-])(?P<what>torch(?:vision|audio)?)\s?==\s?(?P<version>\d+\.\d+\.\d+)(?P<local>\+\w+)?"
)


def _of_torch(around: str) -> str | None:
    """torch and a companion that are asked for at releases that do not belong together: those that do."""
    asked = {
        found["what"]: (found["version"], found["local"] or "")
        for found in _PINNED.finditer(around)
    }
    torch, local = asked.get("torch", ("", ""))
    first = re.search(r"(?:requested|install) torch==(\d+\.\d+\.\d+)", around)
    torch = first[1] if first else torch
    companions = for_torch(torch)
    fit = [
        f"{name}=={companions[name].exact[-1]}{local}"
        for name in ("torchvision", "torchaudio")
        if name in companions and companions[name].exact and re.search(rf"{name}\W", around)
    ]
    if not fit or all(
        asked.get(one.partition("==")[0], ("",))[0] == one.partition("==")[2].partition("+")[0]
        for one in fit
    ):
        return None
    return f"torch {torch} goes with {' and '.join(fit)}: install them together, from one index."


_BOUNDS = re.compile(
    r"needs NumPy (?P<most>\d+\.\d+) or (?P<side>less|older|greater|newer|later)(?:\. Got NumPy (?P<has>\d+\.\d+))?",
    re.I,
)


def numpy_bounds(explanation: Explanation, hit: Hit) -> Explanation:
    """numba says which NumPy it takes, and which one it got."""
    found = _BOUNDS.search(hit.shown)
    if found is None:
        return lacking_name(explanation, hit)
    major, minor = found["most"].split(".")
    wants = (
        f"numpy<{major}.{int(minor) + 1}"
        if found["side"] in ("less", "older")
        else f"numpy>={found['most']}"
    )
    return explanation.but(
        do=f'`pip install "{wants}"`, or a newer numba (`pip install -U numba`), which takes newer ones.'
    )


def numpy_module(explanation: Explanation, hit: Hit) -> Explanation:
    """Whose module was compiled for the other NumPy: the innermost frame that is not NumPy's."""
    shown = [frame.package for frame in frames(context(hit)) if frame.package]
    named = [one.removesuffix(".py") for one in shown if one not in ("numpy", "torch")]
    if not named:
        return explanation
    module = named[-1]
    package = table("import_names")["names"].get(module, module)
    return explanation.but(
        do=f'`pip install "numpy<2"` in this environment; or upgrade {module} to a newer release that is built for NumPy 2 '
        f"(`pip install -U {package}`), or build it again."
    )


def _some(who: set[str]) -> str:
    named = sorted(who)
    return ", ".join(named[:3]) + (" and others" if len(named) > 3 else "")


_CUDA_OF_TORCH = re.compile(
    r"PyTorch has CUDA (?:Version|version)[ =]*(?P<major>\d{2})\.?(?P<minor>\d)"
)


def companion_cuda(explanation: Explanation, hit: Hit) -> Explanation:
    """The index that torch came from, as the message names its CUDA."""
    found = _CUDA_OF_TORCH.search(context(hit, 0, 600))
    if found is None:
        return explanation
    index = f"https://download.pytorch.org/whl/cu{found['major']}{found['minor']}"
    return explanation.but(
        do=f"Reinstall the other one (torchvision, torchaudio) from torch's index: `pip install --force-reinstall --no-deps "
        f"torchvision torchaudio --index-url {index}`, at the version that goes with this torch; or all of them, from one "
        "index and in one command."
    )


_BARE_OPERATOR = re.compile(r"'_OpNamespace' object has no attribute '(?P<name>\w{1,80})'")
_IMPORTED_BY = re.compile(r"Failed to import (?P<package>transformers|diffusers)\.")


def operator(explanation: Explanation, hit: Hit) -> Explanation:
    """An operator of torch's own that a package asks for at its import; else the family.

    A namespace without its name is of old torch releases: today's name it.
    """
    bare, lazy = _BARE_OPERATOR.search(hit.shown), _IMPORTED_BY.search(context(hit, 2000, 0))
    if bare is None or lazy is None or "torchvision" in context(hit):
        return family(explanation, hit)
    package = lazy["package"]
    return explanation.but(
        rule="WHL506",
        what=f"The installed torch is too old for this {package}: it has no operator {bare['name']}, which {package}, or what it imports, asks for.",
        do=f'A newer torch (`pip install -U torch torchvision`); or, where torch has to stay, a {package} of its time: `pip install "{package}==X.Y.Z"`, '
        "which the project's requirements name, with the accelerate and peft of that time.",
    )


def family(explanation: Explanation, hit: Hit) -> Explanation:
    """The releases that belong to the torch that the text names."""
    command = stated.family(hit)
    if command is None:
        return explanation
    return explanation.but(
        do=f"Install the releases that belong together, from one index: {command} (with --force-reinstall where they stand "
        "already)."
    )


_RANGE = re.compile(
    r"Please install (?P<name>[A-Za-z][\w.-]{0,60}?)\s?(?P<bounds>[<>=!~]=?\s?\d[\w.]{0,20}(?:,\s?[<>=!~]=?\s?\d[\w.]{0,20}){0,3})"
)


def asked_range(explanation: Explanation, hit: Hit) -> Explanation:
    """The bounds that the message names; and the check itself, which is often stricter than it has to be."""
    found = _RANGE.search(context(hit, 0, 400))
    if found is None:
        return explanation
    name, bounds = found["name"], re.sub(r"\s", "", found["bounds"]).rstrip(".")
    of_mm = " (mmdet 2 goes with mmcv 1, mmdet 3 with mmcv 2)" if name.startswith("mm") else ""
    tool = f'`mim install "{name}{bounds}"`, or ' if name.startswith("mm") else ""
    return explanation.but(
        do=f'{tool}`pip install "{name}{bounds}"`. Where that release has no wheel for this torch: a newer release of the '
        "package that refuses, or the maximum in its __init__.py raised (a check only). Where the project names the installed "
        f"{name}, the package that refuses is too new: the release of it that the project names{of_mm}."
    )


_BUILD = re.compile(
    r"^[\s-]{0,12}[\w.-]{1,60}==?[\w.]{1,30}=\w{0,20}h[0-9a-f]{7}_\d+", re.MULTILINE
)
_ABSENT = re.compile(
    r"not available from current channels:\s*\n(?P<names>(?:\s*- [^\n]{1,120}\n?){1,200})"
)
_WANTS = re.compile(
    r"nothing provides (?:requested )?(?P<none>[\w.-]{1,60})[^\n]{0,60}? needed by (?P<by>[A-Za-z][\w.]*(?:-[A-Za-z][\w.]*)*)"
    r"|package (?P<one>[A-Za-z][\w.]*(?:-[A-Za-z][\w.]*)*)-\d\S{0,60} requires (?P<other>[\w.-]{1,60})(?P<bounds>[^\n]{0,60}?), but none of"
    r"|(?P<name>[A-Za-z][\w.-]{0,60}?) [^\n]{0,40}?would require\s{1,8}[│├└─ ]{1,20}(?P<python>python)[ _][^\n]{1,60}"
)
_OF_TORCH = re.compile(r"torch|cuda", re.IGNORECASE)
_LINUX_ONLY = re.compile(
    r"(?<![\w-])(?:_libgcc_mutex|_openmp_mutex|ld_impl_linux-64|lib(?:gcc|stdcxx|gfortran)-ng|libuuid|torchtriton|triton|__unix|\w+==?[\w.]+=[\w.]*h7f8727e_\d"
    r"|[\w-]+==?[\w.]+=+(?:py\d+)?h06a4308_\d|[\w-]+ ==?[\w.]+ (?:py\d+)?h06a4308_\d|[\w-]+ ==?[\w.]+ h5eee18b_\d|[\w-]+==?[\w.]+=h5eee18b_\d)(?![\w-])"
)
_ELSEWHERE = re.compile(
    r"/(?P<path>win-64|osx-64|osx-arm64)\b|Platform: (?P<platform>win-64|osx-64|osx-arm64)|(?P<unix>nothing provides __unix)"
)


def _of_linux(around: str) -> str | None:
    """Where a file names packages and builds that only Linux has, on another system."""
    here, named = _ELSEWHERE.search(around), _LINUX_ONLY.search(around)
    if here is None or named is None:
        return None
    system = here["path"] or here["platform"] or "Windows"
    return f"The file was written on Linux, and names packages or builds ({named[0].strip()}) that conda does not have for {system}."


def conda_packages(explanation: Explanation, hit: Hit) -> Explanation:
    """Which names conda's solver says that stand against each other; what is torch's keeps the row's remedy."""
    around = context(hit, 400, 4000)
    if elsewhere := _of_linux(around):
        explanation = explanation.but(what=elsewhere)
        return explanation.but(
            do="Create it on Linux (WSL 2 on Windows). Else take the builds out (`sed -E -i 's/^( *- [^=]+=+[^=]+)=.*/\\1/' environment.yml`), "
            "and the packages that are Linux's own (libgcc-ng, ld_impl_linux-64, torchtriton …); torch then by pip in that environment."
        )
    ways = []
    if absent := _ABSENT.search(around):
        names = re.findall(r"(?m)^\s*- ([\w.-]{1,60})", absent["names"])
        explanation = explanation.but(
            what=f"No channel in use has {', '.join(names[:4])}{' …' if len(names) > 4 else ''} as the file asks for it."
        )
        if names[0].startswith(("torch", "pytorch")):
            plain = names[0].replace("pytorch-cuda", "torch").replace("pytorch", "torch", 1)
            ways.append(
                f"`-c pytorch` (torch's own channel; it ends with torch 2.5) or `-c conda-forge` has {names[0]}; for newer ones leave it out of the "
                f"file, and `pip install {plain} --index-url https://download.pytorch.org/whl/cu126` in the environment"
            )
    if "strict repo priority" in around:
        explanation = explanation.but(
            what="A channel that comes first hides the builds that the file names (strict channel priority)."
        )
        ways.append(
            "a channel that comes first hides what the file wants of another: `conda config --set channel_priority flexible`"
        )
    if _BUILD.search(around):
        ways.append(
            "the file names builds of one system and day (=h955ad1f_1): take them out (`sed -E -i "
            "'s/^( *- [^=]+=+[^=]+)=.*/\\1/' environment.yml`)"
        )
    found = _WANTS.search(around)
    if found and found["none"] == "cudatoolkit":
        explanation = explanation.but(
            what=f"No channel in use has the cudatoolkit that {found['by'].partition('-')[0]} wants."
        )
        ways.append(
            "add the channel that has it: `-c conda-forge` or `-c nvidia` beside `-c pytorch`, in the file `- conda-forge` below `channels:` (cudatoolkit ends "
            "with 11.8)"
        )
    if found and (lacking := found["none"]) and not _OF_TORCH.search(lacking):
        ways.append(
            f"no channel in use has the {lacking} that {found['by']} wants: another {found['by']} (leave its version out), "
            f"or the channel that has {lacking} (`-c conda-forge`)"
        )
    elif found and "python" in (found["other"], found["python"]):
        one = found["one"] or found["name"]
        ways.append(
            f"{one} is built for other Pythons than the one of this environment: `conda create -n new -c conda-forge "
            f"python={newest_python(found['bounds'] or '')} {one}` in one command"
        )
    elif found and found["other"]:
        ways.append(
            f"this {found['one']} is built for {found['other']}{found['bounds']}: ask for that one, or leave the version of {found['one']} "
            "out, so that conda chooses both"
        )
    if _OF_TORCH.search(around):
        ways.append(explanation.do)
    else:
        ways.append(
            "all in one command, from one channel and in a fresh environment: `conda create -n new -c conda-forge "
            "--override-channels NAMES`; what stays in the way by pip in that environment."
        )
    first, *others = ways
    return explanation.but(do="; or ".join([f"{first[0].upper()}{first[1:]}", *others]))
