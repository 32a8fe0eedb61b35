"""Configuration files of installers that would lead them elsewhere than to the patient."""

from __future__ import annotations

import configparser
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpufix.engine.run_context import Refused
from gpufix.files import read_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = 1 << 20  # bytes

# What in a file of pip's would make it work on another place than the patient, or on more than was asked. An
# empty value outranks one of a file that is read before, and is then passed over (pip's configuration.py and
# cli/parser.py).
_SETTINGS = """
target prefix root user upgrade force-reinstall ignore-installed python dry-run requirement editable
log report quiet verbose src break-system-packages
"""


def neutral_settings(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """PIP_CONFIG_FILE as a file in `folder` that is read last: pip works on the patient alone.

    What the user's own PIP_CONFIG_FILE says, indexes above all, is in it. Raises OSError.
    """
    given = environ.get("PIP_CONFIG_FILE")
    if given == os.devnull:  # pip then reads no file at all
        return {}
    found = configparser.RawConfigParser()
    if given:
        with suppress(OSError, UnicodeError, configparser.Error):
            found.read_string(read_whole(given, _FILE).decode("utf-8"))
    for section in ("global", "install"):
        if not found.has_section(section):
            found.add_section(section)
        for name in _SETTINGS.split():
            found.set(section, name, "")
    text = io.StringIO()
    found.write(text)
    path = folder / "pip.conf"
    path.write_text(text.getvalue(), encoding="utf-8")
    return {"PIP_CONFIG_FILE": str(path)}


def refuse_elsewhere(environ: Mapping[str, str]) -> None:
    """Raise Refused where a file of uv's has it install elsewhere: none of its options undoes that."""
    for path in _uv_files(environ):
        with suppress(OSError, UnicodeError, tomllib.TOMLDecodeError, AttributeError):
            settings: dict[str, Any] = tomllib.loads(read_whole(path, _FILE).decode("utf-8")).get(
                "pip", {}
            )
            for name in ("target", "prefix"):
                if settings.get(name):
                    raise Refused(
                        f"{path} sets pip.{name}: uv would install there; UV_NO_CONFIG=1 has it read "
                        "no such file"
                    )


def _uv_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Those that uv reads for a run from a folder without a project (uv: configuration files)."""
    if environ.get("UV_NO_CONFIG", "").lower() in ("1", "true", "yes", "on"):
        return
    if given := environ.get("UV_CONFIG_FILE"):
        yield Path(given)
        return
    home = environ.get("HOME", "")
    user = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    system = environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep)
    for folder in filter(None, (user, *system, "/etc")):
        yield Path(folder) / "uv" / "uv.toml"
