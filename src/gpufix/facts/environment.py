"""Variables that matter: in the process, in the environment file, and in shell profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.direct_url import without_userinfo
from gpufix.facts.files import read, text, why
from gpufix.facts.record import gone
from gpufix.facts.variables import IN_PROFILES, matters
from gpufix.model import Environment

PROFILES = (
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".profile",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".config/fish/config.fish",
)
_LIMIT = 1 << 20  # bytes of one file
_LENGTH = 32_768  # characters of one value
_LINE, _LINES = 300, 20  # characters of a profile's line, lines kept for one variable
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMES = "|".join(IN_PROFILES)
_SETS = re.compile(
    rf"(?:^|[\s;&|])(?:(?P<sh>{_NAMES})\+?=|set(?:\s+-\S+)+\s+(?P<fish>{_NAMES})(?:\s|$))"
)


def collect(ctx: Context, overlay_path: Path | None) -> Environment:
    """`overlay_path`: the environment file of this patient and project; it need not exist."""
    return Environment(
        process={
            text(name): _safe(value) for name, value in sorted(ctx.environ.items()) if matters(name)
        },
        overlay=_overlay(ctx, overlay_path) if overlay_path else {},
        overlay_path=text(str(overlay_path)) if overlay_path else None,
        profile=_profiles(ctx),
    )


def _safe(value: str) -> str:
    return without_userinfo(text(value[:_LENGTH]))


def _overlay(ctx: Context, path: Path) -> dict[str, str | None]:
    try:
        data = json.loads(read(path, _LIMIT))
        variables = data["variables"]
        if not all(_is_setting(name, value) for name, value in variables.items()):
            raise ValueError("a variable is neither text nor null")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if not gone(error):
            reason = f"the environment file cannot be used: {why(error)}"
            ctx.gap("environment", text(str(path)), reason)
        return {}
    return dict(variables)


def _is_setting(name: str, value: object) -> bool:
    if not _NAME.fullmatch(name):
        return False
    return value is None or (isinstance(value, str) and "\0" not in value and text(value) == value)


def _profiles(ctx: Context) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in PROFILES:
        for variable, where in _settings(ctx, name):
            lines = found.setdefault(variable, [])
            if len(lines) < _LINES:
                lines.append(where)
    return found


def _settings(ctx: Context, name: str) -> Iterator[tuple[str, str]]:
    path = ctx.home / name
    try:
        lines = read(path, _LIMIT).decode("utf-8", "replace").splitlines()
    except OSError as error:
        if not gone(error):
            ctx.gap("environment", f"~/{name}", f"cannot be read: {why(error)}")
        return
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line.startswith("#"):
            for match in _SETS.finditer(line):
                where = f"~/{name}:{number}: {without_userinfo(line[:_LINE])}"
                yield match["sh"] or match["fish"], where
