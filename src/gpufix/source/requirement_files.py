"""What requirement files, environment files and pyproject.toml ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gpufix.source import toml_text
from gpufix.source.source_facts import Address, Requirement, RequirementFacts, TomlFacts

_OPTIONS = ("--extra-index-url", "--index-url", "--find-links", "-i", "-f")
_URL = re.compile(r"https?://[^\s\"'#]+")
# .../whl/cu124, torch-2.4.0_cu121.html, torch-2.4.0+cu121.html, .../whl/cu121/torch2.4/index.html
_VARIANT = re.compile(r"(?<![a-z0-9])(cu\d{2,3}|rocm\d+\.\d+(?:\.\d+)?|cpu)(?![a-z0-9])")
_TORCH = re.compile(r"torch-?(\d+\.\d+(?:\.\d+)?)")
_WHEEL = re.compile(r"(?:.*@\s*)?(?P<url>https?://[^\s\"'#]*/(?P<file>[^/\s\"'#?]+\.whl))")
# In the local part of a wheel's version: "cu118", "pt25cu124", "cu12torch2.6cxx11abifalse".
_BUILT_FOR = re.compile(r"(cu\d{2,3}|rocm\d+\.\d+(?:\.\d+)?|cpu)")
_WITH_TORCH = re.compile(r"torch(\d+\.\d+)|(?:^|\.)pt(\d)(\d{1,2})(?=cu|cpu|rocm|$)")
_WITH_ABI = re.compile(r"cxx11abi(true|false|0|1)")
_CONTINUED = re.compile(r"\\\r?\n")


def scan(text: str) -> RequirementFacts:
    """A requirements file."""
    return _facts(_lines(text))


def _facts(lines: Iterable[tuple[int, str]]) -> RequirementFacts:
    """Of lines as pip reads them, with their numbers."""
    requirements: list[Requirement] = []
    found: list[Address] = []
    for number, line in lines:
        words = line.split()
        found += addresses(words, number)
        if words and not words[0].startswith("-"):
            requirements.append(Requirement(number, line))
    return RequirementFacts(tuple(requirements), tuple(found))


def _lines(text: str) -> list[tuple[int, str]]:
    """Logical lines without comments, with the number of their first line."""
    rows, number = [], 1
    joined = _CONTINUED.sub("\x01", text)
    for line in joined.split("\n"):
        plain = re.sub(r"(^|\s)#.*", "", line.replace("\x01", " ")).strip()
        if plain:
            rows.append((number, plain))
        number += 1 + line.count("\x01")
    return rows


def addresses(words: Sequence[str], line: int) -> list[Address]:
    """The index and find-links addresses of one line that name a torch build, and those of wheels."""
    found = []
    for index, word in enumerate(words):
        if wheel := _WHEEL.match(word):
            found.append(_wheel(wheel, line))
            continue
        option, _, attached = word.partition("=")
        if option not in _OPTIONS:
            continue
        url = _URL.match(attached or (words[index + 1] if index + 1 < len(words) else ""))
        variant = _VARIANT.search(url.group()) if url else None
        if url and variant:
            release = _TORCH.search(url.group())
            torch = release.group(1) if release else None
            found.append(Address(line, url.group(), variant.group(1), torch, option))
    return found


def _wheel(address: re.Match[str], line: int) -> Address:
    """What the name of a wheel tells of the builds that it is for."""
    name = address["file"].replace("%2B", "+").replace("%2b", "+").removesuffix(".whl")
    package, version, *tags = f"{name}----".split("-")
    local = version.partition("+")[2].lower()
    cuda = _BUILT_FOR.search(local)
    release = _WITH_TORCH.search(local)
    torch = release and (release[1] or f"{release[2]}.{release[3]}")
    if package == "torch":
        torch = version.partition("+")[0]
    abi = _WITH_ABI.search(local)
    tags = [tag for tag in tags if tag][-3:]
    tag = tags[0] if len(tags) == 3 and tags[1] != "abi3" and tags[0].startswith("cp") else ""
    value = None if abi is None else int(abi[1] in ("true", "1"))
    return Address(line, address["url"], cuda[1] if cuda else "", torch, "", tag=tag, abi=value)


def scan_environment(text: str) -> RequirementFacts:
    """A conda environment file: its pip lines and its torch, read as requirements. YAML is read by line."""
    facts = _facts(_pip_lines(text))
    return replace(facts, requirements=(*_conda_torch(text), *facts.requirements))


# The channel pytorch builds as torch's wheels are built; conda-forge builds for itself.
_OF_PYTORCH = re.compile(r"(?m)^\s*-\s*(?:pytorch-cuda\b|pytorch\s*(?:#.*)?$|[\"']?pytorch::)")
_CONDA_TORCH = re.compile(
    r"\s*-\s*[\"']?(?:pytorch::)?pytorch\s*(==?)\s*(\d+\.\d+(?:\.\d+)?)(?![\w.*])"
)


def _conda_torch(text: str) -> Iterator[Requirement]:
    """torch as conda's channel pytorch has it. `=2.1` is any 2.1."""
    for number, line in enumerate(text.splitlines(), 1) if _OF_PYTORCH.search(text) else ():
        if found := _CONDA_TORCH.match(line):
            whole = found[1] == "==" or found[2].count(".") == 2
            yield Requirement(number, f"torch=={found[2]}" + ("" if whole else ".*"))


def _pip_lines(text: str) -> Iterator[tuple[int, str]]:
    inside = None
    for number, line in enumerate(text.splitlines(), 1):
        item = re.match(r"(\s*)-\s*(.*?)\s*(?:#.*)?$", line)
        if item is None:
            inside = None if line.strip() and not line.startswith(" ") else inside
            continue
        indent, value = len(item.group(1)), item.group(2).strip("\"'")
        if value == "pip:":
            inside = indent
        elif inside is not None and indent > inside:
            yield number, value
        else:
            inside = None


def scan_pyproject(text: str) -> TomlFacts:
    """What a build requires. Raises ValueError for a file that is no TOML."""
    data = toml_text.parse(text)
    build = data.get("build-system")
    project, uv = data.get("project"), _table(data, "tool", "uv")
    requires = build.get("requires", []) if isinstance(build, dict) else None
    return TomlFacts(
        requires=tuple(str(r) for r in requires) if isinstance(requires, list) else None,
        backend=str(build.get("build-backend", "")) if isinstance(build, dict) else None,
        name=str(project.get("name", "")) if isinstance(project, dict) else "",
        no_isolation=bool(uv.get("no-build-isolation") or uv.get("no-build-isolation-package")),
        dependencies=tuple(_dependencies(text, project)),
    )


def _dependencies(text: str, project: object) -> Iterator[Requirement]:
    """What the package asks for, each with the first line that spells it."""
    rows = project.get("dependencies") if isinstance(project, dict) else None
    lines = text.splitlines()
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, str) and row.startswith("torch"):
            yield Requirement(next((n for n, line in enumerate(lines, 1) if row in line), 1), row)


def _table(data: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        value = data.get(name)
        data = value if isinstance(value, dict) else {}
    return data


def names_torch(requires: Sequence[str] | None) -> bool:
    """Whether torch itself is among the requirements of a build."""
    return any(re.match(r"torch\s*(?:[=<>!~;\[@]|$)", r.strip(), re.I) for r in requires or ())
