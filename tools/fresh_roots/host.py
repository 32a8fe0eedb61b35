"""What a clean root takes over from this machine, so that it reaches the same servers.

Read from the machine's own settings of apt, pip and certificates; nothing is known beforehand.
"""

from __future__ import annotations

import ast
import configparser
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

DEBIAN = "http://deb.debian.org/debian"
_APT = re.compile(r"Acquire::(https?|ftp|Check-|AllowInsecure|AllowWeak|Retries|Force)")
_PIP = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "constraint"),
    *("cert", "client-cert", "proxy", "retries", "timeout", "default-timeout"),
}
_VARIABLES = re.compile(
    r"(https?|ftp|no|all)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|GIT_SSL_CAINFO|OPENBLAS_\w+",  # the last: what this processor needs, not this system
    re.I,
)
_AUTHORITIES = Path("/usr/local/share/ca-certificates")


@dataclass(frozen=True)
class Host:
    """`files`: what is written into a root; `shared`: files and folders that the settings name,
    seen in a root at the same place while a row runs."""

    mirror: str
    files: dict[str, bytes]
    environ: dict[str, str]
    shared: tuple[Path, ...]

    def furnish(self, root: Path) -> None:
        """Write the settings into a root."""
        for name, content in self.files.items():
            inside = root / name.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.write_bytes(content)


def read_host(mirror: str | None = None, local: bool = True) -> Host:
    """This machine's settings; `mirror` outranks apt's, `local`: with pip's folders of wheels."""
    settings = pip_settings(_output([sys.executable, "-m", "pip", "config", "list"]), local)
    environ = {k: v for k, v in os.environ.items() if _VARIABLES.fullmatch(k)}
    named = [value for section in settings.values() for value in section.values()]
    apt = _output(["apt-config", "dump"]).splitlines(keepends=True)
    taken = [*map(Path, ("/etc/resolv.conf", "/etc/hosts")), *_AUTHORITIES.glob("**/*.crt")]
    return Host(
        mirror or _mirror(),
        {
            "/etc/apt/apt.conf.d/90host": "".join(filter(_APT.match, apt)).encode(),
            "/etc/pip.conf": pip_file(settings).encode(),
            **{str(path): path.read_bytes() for path in sorted(taken) if path.is_file()},
        },
        environ,
        tuple(local_paths([*named, *environ.values()])),
    )


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout


def _mirror() -> str:
    """Where apt takes this Debian from; Debian's own address where this is no Debian."""
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    form = ["--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    for line in _output(["apt-get", "indextargets", *form]).splitlines():
        address, _, suite = line.partition(" ")
        if release.get("ID") == "debian" and suite == release.get("VERSION_CODENAME"):
            return address.rstrip("/")
    return DEBIAN


def pip_settings(listed: str, local: bool = True) -> dict[str, dict[str, str]]:
    """Sections of a pip.conf from `pip config list`: what variables say outranks files."""
    out: dict[str, dict[str, str]] = {"global": {}}
    rows = re.findall(r"^(:env:|[\w-]+)\.([\w-]+)=(.*)$", listed, re.M)
    for section, key, value in sorted(rows, key=lambda row: row[0] == ":env:"):
        if key not in _PIP:
            continue
        if section == ":env:":
            for others in out.values():
                others.pop(key, None)
        text = ast.literal_eval(value)
        if key in ("find-links", "extra-index-url") and not local:
            text = " ".join(word for word in text.split() if not re.match(r"/|file:", word))
        if text:
            out.setdefault("global" if section == ":env:" else section, {})[key] = text
    return out


def pip_file(settings: dict[str, dict[str, str]]) -> str:
    parser = configparser.RawConfigParser()
    for section, values in settings.items():
        if values:
            parser[section] = {key: value.replace("\n", "\n ") for key, value in values.items()}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def local_paths(settings: Iterable[str]) -> list[Path]:
    """The files and folders that settings name; of a "simple" index, the folder it points into."""
    words = [word for text in settings for word in text.split()]
    paths = [Path(unquote(re.sub(r"^file://(localhost)?", "", word))) for word in words]
    there = [path for path in paths if path.is_absolute() and path.exists()]
    tops = {path.parent if path.name == "simple" else path for path in there}
    return sorted(path for path in tops if tops.isdisjoint(path.parents))
