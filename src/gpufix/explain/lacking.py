"""A package that an error says it lacks: which one, and the command that brings it."""

from __future__ import annotations

import re
from typing import NamedTuple

from gpufix.explain.explanation import Told
from gpufix.explain.module_details import install
from gpufix.explain.version_check import is_known
from gpufix.knowledge.data_table import table

_COMMAND = re.compile(
    r"(?P<quote>[`'\"])?(?P<program>(?:python3? -m )?pip3?|uv pip|(?:conda|mamba)|(?:sudo )?(?:apt(?:-get)?|dnf|yum)|brew) (?:install|add) "
    r"(?P<words>[^\n`]{1,200})"
)
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z][\w.-]{0,60})(?P<extras>\[[\w,.-]{1,60}\])?(?:[<>=!~]=?[\w.*]+(?:,[<>=!~]=?[\w.*]+){0,3})?"
)
_OPTION = re.compile(r"--?[A-Za-z][\w-]{0,40}(?:=[\w.:/+-]{1,120})?")
_WITH_VALUE = frozenset({"-c", "-f", "-i", "--channel", "--extra-index-url", "--find-links", "--index-url"})  # fmt: skip
_ADDRESS = re.compile(r"(?:git\+)?https://[\w.:/@#=&?%+~-]{4,160}")
_CHANNEL = re.compile(r"[\w./:-]{1,100}")
# A command without quotes ends where its sentence goes on.
_SENTENCE = re.compile(
    r"an?|and|as|before|by|first|for|from|if|in|into|is|it|manually|on|once|or|separately|so|the|then|to|using|via|version|when|where|which"
    r"|with|within|you|your",
    re.IGNORECASE,
)
_OTHER_BUILD = re.compile(r"--(?:extra-)?index-url|--force-reinstall|--find-links|(?<!\S)-f\s")
_OTHER_RELEASE = re.compile(
    r"--upgrade|(?<!\S)-U\b|[<>=~]=?\s?\d|\b(?:upgrad|updat|downgrad)\w+|\bnewer\b|\btoo old\b|\blatest\b|\bolder\b|\boutdated\b",
    re.IGNORECASE,
)

_PACKAGE = r"[`'\"]{0,2}(?P<name>[A-Za-z][\w.-]{1,60}\w)[`'\"]{0,2}"
_KIND = r"(?: (?:python )?(?:package|library|module|dependency))?"
_LACKS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_PACKAGE}{_KIND} (?:is|was) (?:not|required but not) (?:currently )?(?:installed|found|available)",
        rf"{_PACKAGE}{_KIND} (?:isn't|not) installed",
        rf"{_PACKAGE} was (?:selected|requested|specified|chosen)[^.\n]{{0,30}}, but (?:it )?is not (?:installed|available)",
        rf"(?:(?:needs?|have) to install|please(?: first)? install|must install)(?: the| a)? {_PACKAGE}{_KIND}(?=[ .,!;:(]|$)",
        rf"(?:requires?|needs?|depends on)(?: the| a)? {_PACKAGE}{_KIND}"
        r"(?= to be installed| installed| first\b| package| library|[.,!;:]? ?$|[.,!;:] | to use| in order| via | \()",
        rf"{_PACKAGE}{_KIND} (?:is|are) (?:required|needed)(?= to | for | but |[.,;:]|$)",
        rf"{_PACKAGE}{_KIND} (?:must|needs to|has to|should) be installed",
        rf"without {_PACKAGE}(?: being)? installed",
        rf"how to install {_PACKAGE}(?=[.,;:]|$)",
        rf"(?:could not|couldn't|cannot|can't|failed to|unable to) import {_PACKAGE}(?=[.!:;]|$)",
        rf"missing (?:optional |required )?(?:dependency|package|module|library):? {_PACKAGE}",
    )
)
# "ImportError: No bitsandbytes"
_BARE_NO = re.compile(rf"(?:\w+\.)*\w+Error: no {_PACKAGE}(?=[ .,;:/]|$)", re.IGNORECASE)
_QUOTED = r"[`'][A-Za-z][\w.-]{0,60}(?:[<>=~]=?\d[\w.]{0,20})?[`']"
_SEVERAL = re.compile(
    rf"(?:requires?|needs?|install|without)(?: both| the)? (?P<list>{_QUOTED}(?:(?:, | and |, and | & | or |, or ){_QUOTED}){{1,6}})",
    re.IGNORECASE,
)
_IMPORT = re.compile(
    r"(?:\w+\.)*(?:Import|ModuleNotFound|PackageNotFound|Dependency\w*|\w*Dependency)Error\b"
)
# What stands before such words, and is no package.
_NO_PACKAGE = re.compile(
    r"all|any|backend|both|but|code|cuda|cuda-toolkit|cudnn|dependenc(?:y|ies)|drivers?|either|environment|extension|feature|file|following|functions"
    r"|gpu|hip|is|it|librar(?:y|ies)|models?|module|nccl|neither|nvcc|one|packages?|python|requirements|rocm|system|that|them|these|this"
    r"|toolkit|version|which",
    re.IGNORECASE,
)


class _Command(NamedTuple):
    text: str
    names: list[str]
    extras: str  # "[gpu]", of the last name
    plain: bool  # names alone
    of_system: bool


def lacking(message: str) -> Told | None:
    """None where the message does not say of a package that it is needed and not here.

    `package` of what is told: one whose command gpufix knows. `do` is empty where nobody tells a command.
    """
    said = " ".join(message.split())
    command = next((c for found in _COMMAND.finditer(said) if (c := _command(found))), None)
    if command and command.of_system:
        return Told(
            f"What the system has to bring is missing: {' '.join(command.names)}.",
            f"As the message says: `{command.text}` (another distribution may call it otherwise).",
        )
    told = _told(said, bare=bool(_IMPORT.match(message)) and command is None)
    names = (command.names if command else []) or told
    if not names:
        return None
    what = _what(said, command, told if len(told) == len(names) == 1 else names)
    known = [_known(name) or "" for name in names]
    special = any(" " in one for one in known)  # an address, an index, an option to build
    if all(known) and (command is None or (special and command.plain)):
        return Told(what, install(known, names[0]), package=names[0])
    if command:
        return Told(what, f"As the message says: `{command.text}`, for the Python that ran this.")
    return Told(what, "")


def _told(said: str, *, bare: bool) -> list[str]:
    """The packages that its sentences name; `bare`: by a lower-case word alone, too."""
    if several := _SEVERAL.search(said):
        names = re.findall(r"[`']([\w.-]+)", several["list"])
        return [" or ".join(names)] if " or " in several["list"] else names
    name = next((name for one in _LACKS if (name := _named(one, said, bare=bare))), None)
    if name is None and bare:
        name = _named(_BARE_NO, said, bare=False)
    return [name] if name else []


def _named(form: re.Pattern[str], said: str, *, bare: bool) -> str | None:
    """A name that is a package's: known, in quotes, called one, or `bare`."""
    found = form.search(said)
    if found is None or _NO_PACKAGE.fullmatch(found["name"]):
        return None
    name, before = found["name"], said[max(0, found.start("name") - 1) : found.start("name")]
    called = re.match(
        r"[`'\"]* (?:python )?(?:package|library|module)\b", said[found.end("name") :]
    )
    lower = bare and name.islower() and not found[0].endswith("available")
    is_one = before in ("`", "'", '"') or called or lower or _known(name) or is_known(name)
    return name if is_one else None


def _what(said: str, command: _Command | None, names: list[str]) -> str:
    of_release = _OTHER_RELEASE.search(said)
    if command and command.extras and names == command.names and not of_release:
        return f"{names[0]} is here without its part {command.extras}, or not at all."
    verb = "are" if len(names) > 1 else "is"
    if command and _OTHER_BUILD.search(command.text):
        but = ", or in another build than this needs"
    elif of_release:
        but = ", or in another release than this needs"
    else:
        but = " for the Python that ran this, and it does not go on without"
    return f"{' and '.join(names)} {verb} not installed{but}."


def _known(name: str) -> str | None:
    """How pip is asked for it, where the table of import names says so."""
    names = table("import_names")["names"]
    return next(
        (names[n] for n in (name, name.lower(), name.lower().replace("-", "_")) if n in names), None
    )


def _command(found: re.Match[str]) -> _Command | None:
    """The command up to the first word that is none of its own; None where it names no package."""
    words = found["words"].partition("`")[0] if found["quote"] == "`" else found["words"]
    kept, names, extras, value = list[str](), list[str](), "", False
    for raw in words.split():
        word = raw.strip("'\"`").rstrip(".,;:!)'\"`")
        ends = raw.rstrip("'\"`)").endswith((".", ",", ";", ":", "!"))
        if value and (_ADDRESS.fullmatch(word) or _CHANNEL.fullmatch(word)):
            value = False
        elif _SENTENCE.fullmatch(word):
            break
        elif _OPTION.fullmatch(word):
            value = word in _WITH_VALUE
        elif requirement := _REQUIREMENT.fullmatch(word):
            if requirement["name"] in names or (names and raw[0].isupper()):
                break
            names.append(requirement["name"])
            extras = requirement["extras"] or ""
        elif not _ADDRESS.fullmatch(word):
            break
        kept.append(f"'{word}'" if re.search(r"[<>\[]", word) else word)
        if ends:
            break
    if not names:
        return None
    program = found["program"]
    of_system = program.startswith(("sudo", "apt", "dnf", "yum", "brew"))
    return _Command(f"{program} install {' '.join(kept)}", names, extras, kept == names, of_system)
