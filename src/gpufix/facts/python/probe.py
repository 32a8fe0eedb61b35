"""Describes the interpreter that runs it: `PYTHON -I -S -B probe.py` prints one JSON object.

Standard library only, for Python 3.7 and later. Nothing of the patient's site-packages is on
sys.path while it runs, so no .pth file, sitecustomize or package of the patient takes part.
"""

# pathlib would double its start-up time.
# ruff: noqa: PTH100, PTH110, PTH113, PTH115, PTH118, PTH119, PTH120, PTH123

from __future__ import annotations

import os
import site  # under -S an import of site only defines functions
import sys
from importlib.machinery import EXTENSION_SUFFIXES

try:
    from _json import encode_basestring_ascii as quoted  # the json package costs 10 ms to import
except ImportError:
    from json.encoder import encode_basestring_ascii as quoted


def dumps(value: object) -> str:
    """JSON of None, booleans, integers, strings, lists and dicts with string keys."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join(quoted(k) + ":" + dumps(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(type(value))


def venv_settings(executable: str) -> tuple[str | None, dict[str, str]]:
    """(folder, settings) of the pyvenv.cfg beside or above the executable; (None, {}) without."""
    beside = os.path.dirname(os.path.abspath(executable))
    for folder in (beside, os.path.dirname(beside)):
        try:
            with open(
                os.path.join(folder, "pyvenv.cfg"), encoding="utf-8", errors="replace"
            ) as file:
                lines = file.read(65536).splitlines()
        except OSError:
            continue
        pairs = [line.partition("=") for line in lines if "=" in line]
        return folder, {key.strip().lower(): value.strip() for key, _, value in pairs}
    return None, {}


def loaded_libpython() -> str | None:
    """The shared libpython in this very process, None when the interpreter has it linked in."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                path = line.rstrip("\n").partition("/")[2]
                if os.path.basename(path).startswith("libpython"):
                    return "/" + path
    except OSError:
        pass
    return None


def site_packages(prefix: str) -> list[str]:
    """Site folders of a prefix as this distribution's own site module computes them."""
    return site.getsitepackages([prefix])


def program() -> str | None:
    """The file that runs here: Nix's bin/python is a program that starts another."""
    try:
        path = os.readlink("/proc/self/exe")
    except OSError:
        return None
    return path if os.path.exists(path) else None


def told_by_wrapper(folders: list[str]) -> tuple[list[str], str | None]:
    """Site folders and prefix that Nix's wrappers hand to the sitecustomize of Nix's Python."""
    there = any(os.path.isfile(os.path.join(folder, "sitecustomize.py")) for folder in folders)
    told = os.environ.get("NIX_PYTHONPATH", "") if there else ""
    return told.split(":") if told else [], os.environ.get("NIX_PYTHONPREFIX") if told else None


def user_site_suffix() -> str | None:
    """The user site relative to the user base (Debian and macOS frameworks differ)."""
    site.USER_BASE = "/base"
    site.USER_SITE = None
    try:
        return os.path.relpath(site.getusersitepackages(), "/base")
    except Exception:
        return None


def include_folder(base: str, name: str) -> str:
    """Windows has one Python a prefix, and no name in this path."""
    return os.path.join(base, "include", *([] if os.name == "nt" else [name]))


def describe() -> dict[str, object]:
    """Everything that only the interpreter itself can say."""
    base = sys.base_prefix
    folder, settings = venv_settings(sys.executable)
    if folder is not None:
        sys.prefix = sys.exec_prefix = folder  # site would have done so
    base_sites = site_packages(base)
    further, told_prefix = told_by_wrapper(base_sites)
    if folder is None and told_prefix:
        sys.prefix = sys.exec_prefix = told_prefix
    abiflags = getattr(sys, "abiflags", "")
    major, minor, micro = sys.version_info[:3]
    stdlib = os.path.dirname(os.path.abspath(os.__file__))
    return {
        "executable": sys.executable,
        "program": program(),
        "version": f"{major}.{minor}.{micro}",
        "implementation": sys.implementation.name,
        "abiflags": abiflags,
        "extension_suffixes": EXTENSION_SUFFIXES,
        "machine": os.uname().machine
        if hasattr(os, "uname")
        else os.environ["PROCESSOR_ARCHITECTURE"],
        "platform": sys.platform,
        "prefix": sys.prefix,
        "base_prefix": base,
        "venv": settings if folder is not None else None,
        "stdlib": stdlib,
        "stdlib_path": sys.path,
        "site_packages": site_packages(sys.prefix),
        "base_site_packages": base_sites,
        "wrapper_site_packages": further,
        "user_site": user_site_suffix(),
        "include": include_folder(base, f"python{major}.{minor}{abiflags}"),
        "libpython": loaded_libpython(),
    }


if __name__ == "__main__":
    sys.stdout.write(dumps(describe()) + "\n")
