"""Facts to be shown to strangers, and read back: home paths, names and secrets are replaced."""

from __future__ import annotations

import getpass
import json
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from packaging.requirements import InvalidRequirement, Requirement

from gpufix.files import TooLarge, read_given
from gpufix.knowledge.gpus.architectures import parse_arch
from gpufix.model import SCHEMA_VERSION, Facts
from gpufix.model.base import Invalid, Model, from_json, to_json
from gpufix.model.facts import conda_apart

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL|AUTH(?!OR)|COOKIE", re.I)
_URL_USER = re.compile(r"(?<=://)[^/@\s]+@")
_URL_SECRET = re.compile(
    r"([?&;](?:[\w-]*(?:token|key|secret|sig|password|auth)[\w-]*)=)[^&\s]+", re.I
)
_TOKEN = re.compile(
    r"(?<!\w)(?:hf_|gh[opsu]_|github_pat_|glpat-|pypi-|sk-|xox[bp]-|AKIA)[A-Za-z0-9_-]{12,}"
)
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9})*")
_HIDDEN = "REDACTED"
_LIMIT_BYTES = 256 << 20


def redact(facts: Facts, home: Path | None = None) -> Facts:
    """The same facts without home paths, user and host names, and secrets in URLs and variables.

    Every string is rewritten by the same rules, so that paths which were equal stay equal and a
    replay comes to the same findings.
    """
    return from_json(Facts, redacted(facts, home))


def redacted(facts: Facts, home: Path | None = None) -> Any:
    """The same as JSON values, which needs no pydantic."""
    data = to_json(facts)
    environment = data["environment"]
    for table in (environment["process"], environment["overlay"]):
        for name in table:
            if table[name] and _SECRET_NAME.search(name):
                table[name] = _HIDDEN
    return _map(data, _rewriter(home or Path.home()))


def _rewriter(home: Path) -> Callable[[str], str]:
    rules: list[tuple[re.Pattern[str], str]] = [
        (_URL_USER, f"{_HIDDEN}@"),
        (_URL_SECRET, rf"\1{_HIDDEN}"),
        (_TOKEN, _HIDDEN),
    ]
    # Of a Windows patient, wherever its drive lies here.
    rules.append((re.compile(r"([\\/]Users[\\/])(?!Public\b|Default\b)[^\\/\s\"']+"), r"\1user"))
    folders = dict.fromkeys((str(home), str(home.resolve())))
    rules += [
        (re.compile(re.escape(folder) + r"(?=$|[/:;,\s\"'])"), "/home/user")
        for folder in folders
        if len(folder) > 1
    ]
    for name, stand_in in _names().items():
        rules.append((re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])"), stand_in))

    def rewrite(text: str) -> str:
        for pattern, replacement in rules:
            text = pattern.sub(replacement, text)
        return text

    return rewrite


def _names() -> Mapping[str, str]:
    """Names of this user and host; the ones that are ordinary words of paths are left alone."""
    names: dict[str, str] = {}
    with suppress(OSError, KeyError, ImportError):
        names[getpass.getuser()] = "user"
    host = platform.node()
    names[host] = "host"
    names[host.partition(".")[0]] = "host"
    ordinary = {
        "",
        "root",
        "user",
        "host",
        "home",
        "localhost",
        "ubuntu",
        "python",
        "conda",
        "torch",
    }
    return {name: stand_in for name, stand_in in names.items() if name not in ordinary}


def _map(value: Any, rewrite: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, list):
        return [_map(v, rewrite) for v in value]
    if isinstance(value, dict):
        return {rewrite(k): _map(v, rewrite) for k, v in value.items()}
    return value


class CorruptFacts(ValueError):
    """A facts file that is not one: says where."""


def load(path: Path) -> Facts:
    """Read a snapshot. Raises CorruptFacts with the place that is wrong, OSError if unreadable."""
    facts = read(path, Facts, "facts file", _LIMIT_BYTES, CorruptFacts, conda_apart)
    if facts.schema_version != SCHEMA_VERSION:
        found = f"facts of schema {facts.schema_version}"
        raise CorruptFacts(f"{path}: {found}; this gpufix reads schema {SCHEMA_VERSION}")
    for where, reason in _misspelt(facts):
        raise CorruptFacts(f"{path}: not a facts file: {where}: {reason}")
    return facts


def _misspelt(facts: Facts) -> Iterator[tuple[str, str]]:
    """Architectures, versions and places that the checks take for granted, where they are none."""
    archs = [(f"gpus.{n}.arch", gpu.arch) for n, gpu in enumerate(facts.gpus)]
    for n, library in enumerate(facts.binaries.libraries):
        archs += [(f"binaries.libraries.{n}.code", each.arch) for each in library.code]
        if any(at not in range(len(library.code)) for part in library.parts for at in part.code):
            yield f"binaries.libraries.{n}.parts", "a part is of code that is not there"
    for where, arch in archs:
        try:
            parse_arch(arch or "sm_90")
        except ValueError as error:
            yield where, str(error)
    for n, driver in enumerate(facts.drivers):
        if driver.cuda and not _VERSION.fullmatch(driver.cuda):
            yield f"drivers.{n}.cuda", f"{driver.cuda!r} is no version"
    for n, failing in enumerate(facts.binaries.imports):
        try:
            Requirement(failing.wants or "a")
        except InvalidRequirement:
            yield f"binaries.imports.{n}.wants", f"{failing.wants!r} is no requirement"


M = TypeVar("M", bound=Model)


def read(
    path: Path,
    kind: type[M],
    name: str,
    limit: int,
    wrong: type[ValueError],
    upgrade: Callable[[Any], Any] = lambda data: data,
) -> M:
    """A record of `kind`; `upgrade` brings an earlier version's JSON up to date. Raises `wrong` for
    what is no `name` (a noun: "facts file") or larger than `limit` bytes, OSError if unreadable."""
    try:
        content = read_given(str(path), limit)
    except TooLarge:
        raise wrong(f"{path}: larger than any {name} ({limit >> 20} MiB)") from None
    try:
        data = json.loads(content.decode("utf-8"))
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # half a character is none
        return from_json(kind, upgrade(data))
    except Invalid as error:
        where = error.where or "the file"
        raise wrong(f"{path}: not a {name}: {where}: {error.reason}") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, nested too deep
        raise wrong(f"{path}: not a {name}: the file: invalid JSON: {error}") from None
