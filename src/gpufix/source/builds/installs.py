"""What the commands of a script install, and from where."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from gpufix.source.builds.shell_builtins import unwrapped
from gpufix.source.builds.shell_state import ShellCommand, ShellRun, joined
from gpufix.source.builds.shell_syntax import Simple
from gpufix.source.source_text import word_filter

LISTS = ("TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS")
_holds = word_filter((
    *(name.encode() for name in LISTS), b"_GLIBCXX_USE_CXX11_ABI", b"CUDA_ARCHITECTURES", b"whl",
    b"index-url", b"find-links", b"conda", b"mamba", b"setup.py", b"uv ", b"nvcc",
))  # fmt: skip
_PIP = re.compile(rb"pip(?![es])")  # no pipe, no lpips


def concerns(data: bytes) -> bool:
    """Whether a script or a Dockerfile may build or install something, or set what builds read."""
    return _holds(data) or _PIP.search(data) is not None


# Options of pip and uv that take a value.
_VALUED = frozenset((
    "-c", "--constraint", "-r", "--requirement", "-t", "--target", "--platform", "--python-version",
    "--implementation", "--abi", "--root", "--prefix", "-i", "--index-url", "--extra-index-url",
    "-f", "--find-links", "--src", "--progress-bar", "--cache-dir", "--trusted-host", "--timeout",
    "--retries", "--proxy", "--log", "-d", "--dest", "-w", "--wheel-dir", "-C", "--config-settings",
    "--global-option", "--install-option", "--build-option", "--no-binary", "--only-binary",
    "--upgrade-strategy", "--python", "-p", "--index", "--default-index", "--torch-backend",
    "--index-strategy", "--resolution", "--prerelease", "--report", "--no-build-isolation-package",
    "--extra", "--group", "-b", "--build", "--cert",
))  # fmt: skip


class Install(NamedTuple):
    """One call of an installer. isolated: builds happen where torch is not, unless declared."""

    command: ShellCommand
    targets: tuple[str, ...]  # names, paths, addresses
    isolated: bool
    files: tuple[str, ...] = ()  # of requirements


def installs(run: ShellRun) -> Iterator[Install]:
    """Those of a run; one that a loop repeats, once."""
    seen = set()
    for command in run.commands:
        words = installer(command.words)
        told = (*command[:3], *command.environment.items(), command.hangs, command.within)
        if words is not None and told not in seen:
            seen.add(told)
            yield Install(
                command, tuple(_targets(words)), _isolated(command, words), tuple(_files(words))
            )


def installer(words: Sequence[str]) -> list[str] | None:
    """What stands behind `pip install`; None for another command."""
    rest = unwrapped(words)
    if not rest:
        return None
    name = posixpath.basename(rest[0])
    if re.fullmatch(r"python(?:3(?:\.\d+)?)?|pypy3?", name):
        if rest[1:3] != ["-m", "pip"]:
            return None
        name, rest = "pip", rest[2:]
    if name == "uv":
        if rest[1:2] != ["pip"]:
            return None
        name, rest = "pip", rest[1:]
    if not re.fullmatch(r"pip(?:3(?:\.\d+)?)?", name):
        return None
    rest = rest[1:]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in _VALUED else rest[1:]
    return rest[1:] if rest[:1] == ["install"] else None


def _targets(words: Sequence[str]) -> Iterator[str]:
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-e", "--editable"):
            if rest:
                yield rest.pop(0)
        elif word.startswith("--editable="):
            yield word.partition("=")[2]
        elif word in _VALUED:
            rest = rest[1:]
        elif not word.startswith("-"):
            yield word


def _files(words: Sequence[str]) -> Iterator[str]:
    for word, following in pairwise([*words, ""]):
        if word in ("-r", "--requirement"):
            yield following
        elif word.startswith("--requirement="):
            yield word.partition("=")[2]
        elif re.match(r"-r[^-]", word):
            yield word[2:]


def _isolated(command: ShellCommand, words: Sequence[str]) -> bool:
    if any(word.startswith("--no-build-isolation") for word in words):
        return False
    variables = ("PIP_NO_BUILD_ISOLATION", "UV_NO_BUILD_ISOLATION")
    return not any(command.environment.get(name) for name in variables)


def folder_of(run: ShellRun, install: Install, target: str) -> str | None:
    """The folder or address that a path on the command line stands for, copies followed back."""
    if "://" in target or target.startswith("git+"):
        return target
    plain = re.sub(r"\[[^\]]*\]$", "", target)
    if not (plain.startswith((".", "/", "~")) or "/" in plain) or "@" in plain:
        return None
    path = joined(install.command.folder, plain)
    for made, origin in reversed(run.origins):
        if path == made or path.startswith(f"{made}/"):
            return origin.rstrip("/") + path[len(made) :]
    return path


def shown(node: Simple, text: str) -> str:
    """A command as it is written, on one line."""
    return " ".join(text[node.start : node.end].replace("\\\n", " ").split())[:120]
