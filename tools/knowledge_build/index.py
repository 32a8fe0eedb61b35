"""What a package index says of a release, through PyPI's JSON API."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from .torch_wheel import PLATFORMS

SECONDS = 30


class Index:
    """PyPI, or what speaks like it. None: not to be asked (`--offline`)."""

    def __init__(self, url: str | None) -> None:
        self.url = url

    def _ask(self, path: str) -> dict[str, Any]:
        """{} when there is no answer."""
        if self.url is None:
            return {}
        try:
            with urllib.request.urlopen(f"{self.url}/pypi/{path}/json", timeout=SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError):
            return {}

    def files(self, project: str, version: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(project).get("releases", {}).get(version, [])
        return found

    def versions_since(self, project: str, date: str) -> list[str]:
        """Releases, no pre-releases, whose first file came on a day or later, oldest first."""
        found = []
        for version, files in self._ask(project).get("releases", {}).items():
            try:
                number = Version(version)
            except InvalidVersion:
                continue
            if files and not number.is_prerelease and _day(files) >= date:
                found.append(number)
        return [str(number) for number in sorted(found)]

    def requires(self, project: str, version: str) -> list[str] | None:
        """Requires-Dist of a version; None: the index does not tell."""
        for path in (f"{project}/{version}", project):
            about = self._ask(path).get("info", {})
            if about.get("version") == version:
                return about.get("requires_dist") or []
        return None


def _day(files: list[dict[str, Any]]) -> str:
    return min(str(file["upload_time"])[:10] for file in files)


def released(files: list[dict[str, Any]]) -> str | None:
    """The day of the first file."""
    return _day(files) if files else None


def python_tags(files: list[dict[str, Any]]) -> dict[str, str]:
    """platform -> "cp310 cp311 cp313t", by the wheels' names."""
    tags: dict[str, set[str]] = {}
    for file in files:
        try:
            _, _, _, found = parse_wheel_filename(file["filename"])
        except InvalidWheelFilename:
            continue
        for tag in found:
            for platform in PLATFORMS:
                if "linux" in tag.platform and tag.platform.endswith(platform[6:]):
                    tags.setdefault(platform, set()).add(tag.abi)
    return {p: " ".join(sorted(tags[p], key=_by_number)) for p in PLATFORMS if p in tags}


def _by_number(tag: str) -> tuple[int, str]:
    return int(re.sub(r"\D", "", tag)), tag
