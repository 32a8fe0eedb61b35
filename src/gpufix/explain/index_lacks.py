"""What uv and NVIDIA's stand-ins say that an index lacks: a package, a release of it, its wheels for a system or a Python."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, Told, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import pip_name
from gpufix.text.names import normalise

_MARGINS = re.compile(r"[\s│]+")


def lacks(around: str) -> Told | None:
    """A package that is on no index, or has no wheels that fit."""
    if absent := _NO_VERSIONS.search(_MARGINS.sub(" ", around)):
        return _no_versions(absent)
    lacking = _NO_WHEELS.search(around)
    return _no_wheels(lacking, around) if lacking else None


def other_releases(around: str) -> Told | None:
    """A package that is there in other releases than the one that is asked for."""
    beyond = _BEYOND.search(_MARGINS.sub(" ", around))
    return _out_of_reach(beyond) if beyond else None


_NO_WHEELS = re.compile(
    r"(?<![\w.+=-])(?P<name>[A-Za-z][\w.-]{0,60}?)(?:[<>=!~]=?[<>=!~,.+*\w]{1,60})?\s+ha(?:s|ve)\s+no\s+wheels\s+with\s+a\s+matching\s+"
    r"(?:Python\s+(?:version|ABI|implementation)|(?P<platform>platform))\s+tag(?:\s*\(e\.g\.,\s*`(?P<tag>\w{2,40})`\))?"
)
_AVAILABLE = re.compile(r"on the following platforms?:\s*(?P<tags>`\w+`(?:,\s*`\w+`){0,30})")


def _no_wheels(lacking: re.Match[str], around: str) -> Told:
    """Whose wheels are for other Pythons, or other systems."""
    name, tag = lacking["name"], lacking["tag"] or ""
    if lacking["platform"]:
        told = _AVAILABLE.search(around)
        only = ", ".join(re.findall(r"\w+", told["tags"])) if told else ""
        return Told(
            f"{name} has no wheels for this system{f' ({tag})' if tag else ''}{f': those that there are, are for {only}' if only else ''}.",
            f"Run it on a system that {name} has wheels for{f' ({only})' if only else ''}. Or take a release of {name}, or a fork, that has one for "
            f"this system; or leave {name} out here by a marker (`; sys_platform == 'linux'`).",
        )
    here = f" {tag[2]}.{tag[3:]}" if re.fullmatch(r"cp3\d+", tag) else ""
    return Told(
        f"{name} has no wheels for this Python{here} in the releases that are allowed: most often this Python is newer than they are.",
        f"`uv venv --python 3.12` (or the newest Python that {name}'s wheels name), and install again; or, where a newer {name} has wheels "
        "for this Python, a newer release of what pins it.",
    )


_NO_VERSIONS = re.compile(
    r"there are no versions of (?P<name>[A-Za-z][\w.-]{0,60})(?:\[[\w,-]*\])? and (?P<who>[A-Za-z][\w.-]{0,60})(?:\[[\w,-]*\])?(?:==(?P<version>\d[\w.+!-]{0,40}))? "
    r"depends on (?P=name)(?P<wants>[<>=!~][\w.+!*,<>=~-]{1,60})?"
)


def _no_versions(absent: re.Match[str]) -> Told:
    """uv's: a distribution of that name is on no index in use."""
    name, who = absent["name"], f"{absent['who']} {absent['version'] or ''}".strip()
    wants = (absent["wants"] or "").rstrip(".,")
    pip = pip_name(name.replace("-", "_"))
    called = f" (`{pip}`)" if normalise(pip) != normalise(name) else ""
    return Told(
        f"No index in use has any release of {name}, and {who} asks for {name}{wants}: its name is another one, or it was withdrawn, or it is on "
        "another index.",
        f"Take another release of {absent['who']}, or its newest source, which asks for what there is. Where the package is called otherwise{called}, "
        f"in pyproject.toml leave {name} out: `[tool.uv]` with `override-dependencies = [\"{name}; sys_platform == 'never'\"]`, and name the "
        "right one among your own dependencies. Where a private index has it: `[[tool.uv.index]]`.",
    )


_BEYOND = re.compile(
    r"(?:there is no version of (?P<absent>[A-Za-z][\w.-]{0,60})==(?P<version>\d[\w.+!-]{0,40})"
    r"|only (?P<name>[A-Za-z][\w.-]{0,60})(?P<marker>\{[^}]{1,80}\})?(?P<most><=?[\w.+!-]{1,40}) is available)"
    r" and (?P<who>[A-Za-z][\w.:\[\]=+-]{0,80}) (?:depends? on|requires?) (?:(?P=absent)|(?P=name))(?:\{[^}]{1,80}\})?(?P<wants>[<>=!~][\w.+!*,<>=~-]{1,60})"
)


def _out_of_reach(found: re.Match[str]) -> Told:
    """uv's: the index has other releases of a package than the one that is asked for."""
    name, wants = found["absent"] or found["name"], found["wants"].rstrip(".,")
    who = "the requirements" if found["who"] in ("you", "your") else found["who"]
    there = f"no {name} {found['version']}" if found["absent"] else f"{name}{found['most']} only"
    asks = "ask" if who == "the requirements" else "asks"
    other = f"Ask for a release that there is (`pip index versions {name}` lists them){'' if asks == 'ask' else f', or take another release of {who}'}. "
    indexes = (
        f"Where another index has it: `[tool.uv.sources]` with `{name} = {{ index = NAME }}`, or `--index-strategy unsafe-best-match`, since uv stops at "
        "the first index that has the package at all."
    )
    split = (
        f" These are the releases for {found['marker'].strip('{}')}: uv looks for all platforms that the project allows. `[tool.uv]` with `environments` "
        "leaves out those that nobody needs; a source without its marker serves them all."
        if found["marker"]
        else ""
    )
    return Told(
        f"The indexes in use have {there}, and {who} {asks} for {name}{wants}.",
        f"{other}{indexes}{split}",
    )


_FOR_OTHERS = re.compile(
    r"wheel is compatible with\s+(?P<fits>[^`\n]{2,60}?)\s*\(`(?P<tag>[\w.]{2,60})`\),?\s+but\s+you're\s+(?:on|using)\s+(?P<here>[^`\n]{2,60}?)\s*\(`(?P<is>\w{2,60})`\)"
)


def other_wheel(explanation: Explanation, hit: Hit) -> Explanation:
    """For which system or Python uv says that the wheel is, and which one runs."""
    found = _FOR_OTHERS.search(_MARGINS.sub(" ", context(hit, 0, 1500)))
    if found is None:
        return explanation
    return explanation.but(
        what=f"The wheel is for {found['fits']} ({found['tag']}); here is {found['here']} ({found['is']}).",
        do=f"Take the wheel whose file name holds {found['is']} in place of {found['tag']}, from the project's releases or from somebody who builds it "
        f"for {found['here']}. Or name the package by its version, not by an address. Requirements for several systems want markers "
        "(`; sys_platform == 'linux'`). Where there is no such wheel: build it, or run it where this one fits.",
    )


_TRIED = re.compile(
    r"Testing wheel \S{1,120}?-(?:cp(?P<python>3\d+)|py\w+)-\w+-(?P<platform>\w+)\.whl"
)
_RUNS = re.compile(r"[/\\][Pp]ython-?3\.?(?P<minor>\d{1,2})[/\\.]")


def stub_wheels(explanation: Explanation, hit: Hit) -> Explanation:
    """Which Pythons and platforms the wheels are for that the stand-in tried."""
    around = context(hit)
    tried = list(_TRIED.finditer(around))
    pythons = sorted({int(one["python"][1:]) for one in tried if one["python"]})
    platforms = sorted({one["platform"] for one in tried})
    if not platforms:
        return explanation
    name = explanation.captures.get("name", "the package")
    runs = _RUNS.search(around)
    of = " or ".join(f"3.{minor}" for minor in pythons)
    here = f" (3.{runs['minor']} runs here)" if runs else ""
    return explanation.but(
        what=f"{explanation.what} They are for {f'Python {of}, ' if of else ''}{', '.join(platforms)}{here}.",
        do=f"`uv venv --python 3.{pythons[-1]}` on one of these platforms, then install {name} again; or another release of it."
        if pythons
        else f"Install {name} on one of these platforms; or another release of it.",
    )
