"""What is installed for the patient: pip's, conda's and setuptools' records of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.packages import conda, metadata, record_file
from gpufix.facts.packages.record_file import Budget
from gpufix.facts.python.site_paths import is_dir
from gpufix.facts.reading import why
from gpufix.model import Distribution, Python, SharedFile
from gpufix.text.names import normalise

_BUDGET = 32 << 20  # bytes hashed of files that may have been edited
_LISTED = 20_000  # distributions in one site folder


def collect(
    ctx: CollectContext, python: Python | None, packages: conda.Installed | None = None
) -> tuple[list[Distribution], list[SharedFile]]:
    """Every distribution, in the order in which Python would find them, and their shared files.

    `packages`: conda's, by which its own distributions are told.
    """
    if python is None:
        return [], []
    survey = _Survey(ctx, packages or conda.Installed())
    for location in python.site_dirs:
        try:
            with record_file.opened(location, _root(python, location), python.sys_path) as site:
                survey.look(site)
        except OSError as error:
            ctx.gap("distributions", location, f"cannot be opened: {why(error)}")
    for path in _files(python.sys_path):
        from gpufix.facts.packages import zipped

        survey.dists += zipped.collect(ctx, path)
    dists = [dist for dist in survey.dists if not _is_source_of_editable(dist, survey.dists)]
    return dists, survey.shared


def _files(sys_path: list[str]) -> list[str]:
    """The files on sys.path, or around its entries: Python imports from zip files."""
    found = (
        next((str(p) for p in (Path(entry), *Path(entry).parents) if p.exists()), "")
        for entry in sys_path
        if not is_dir(entry)
    )
    return [path for path in dict.fromkeys(found) if Path(path).is_file()]


def _root(python: Python, location: str) -> str | None:
    """What the `..` of a RECORD in this folder may reach: its installation prefix."""
    path = Path(location)
    if location == python.user_site:
        return str(path.parents[2])
    if not {"site-packages", "dist-packages"} & set(path.parts):
        return None
    bases = (python.prefix, python.base_prefix)
    return next((base for base in bases if path.is_relative_to(base)), None)


@dataclass
class _Survey:
    """One pass over the site folders."""

    ctx: CollectContext
    conda: conda.Installed
    dists: list[Distribution] = field(default_factory=list)
    shared: list[SharedFile] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)  # project folder -> name, of .egg-links

    def __post_init__(self) -> None:
        self.budget = Budget(None if self.ctx.deep else _BUDGET)
        packages = self.conda.packages
        self.owned = {(normalise(package.name), package.version): package for package in packages}

    def look(self, site: record_file.Site) -> None:
        """Add the distributions of one site folder. Raises OSError when it cannot be listed."""
        found: list[Distribution] = []
        recorded: list[tuple[str, record_file.Recorded]] = []
        for name in self._names(site.location):
            if not name.endswith(".dist-info"):
                if egg := metadata.describe_egg(self.ctx, site.location, name):
                    found.append(self._attributed(egg))
                continue
            dist, has_record = metadata.describe_dist_info(self.ctx, site.location, name)
            if dist is None:
                continue
            dist = self._attributed(dist)
            if has_record and _has_true_record(dist):
                dist = self._checked(site, dist, name, recorded)
            found.append(dist)
        # Python takes .dist-info before .egg-info, else the first in the folder's own order.
        self.dists += sorted(found, key=lambda dist: (dist.name, dist.source == "egg"))
        self.shared += record_file.find(site, recorded, self.ctx.deep)

    def _checked(
        self,
        site: record_file.Site,
        dist: Distribution,
        folder: str,
        recorded: list[tuple[str, record_file.Recorded]],
    ) -> Distribution:
        checked = record_file.check(self.ctx, site, f"{folder}/RECORD", self.budget)
        if checked is None:
            return dist
        recorded.append((dist.name, checked))
        return replace(dist, record=checked.summary())

    def _names(self, location: str) -> list[str]:
        names = []
        with os.scandir(location) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("~"):  # what pip leaves of an interrupted uninstall
                    continue
                if name.endswith((".dist-info", ".egg-info")) or name == "EGG-INFO":
                    names.append(name)
                elif name.endswith(".egg-link") and (link := metadata.link(location, name)):
                    self.links[link] = name.removesuffix(".egg-link")
        if len(names) > _LISTED:
            self.ctx.gap("distributions", location, f"only {_LISTED} of {len(names)} were read")
        return names[:_LISTED]

    def _attributed(self, dist: Distribution) -> Distribution:
        """With conda's channel and build when conda installed it, or its .egg-link's folder."""
        if dist.location in self.links:
            return replace(dist, editable=dist.location)
        pip_wrote_it = dist.installer not in (None, "conda")
        if pip_wrote_it and not self.conda.wrote(dist.metadata or ""):
            return dist
        package = self.conda.brought.get(dist.metadata or "")
        package = package or self.owned.get((dist.name, dist.version))
        if package is None and dist.installer is None:
            return dist
        dist = replace(dist, source="conda", installer="conda")
        if package is None:
            return dist
        return replace(
            dist,
            package=package.name,
            requested=package.requested,
            channel=package.channel,
            build=package.build,
        )


def _has_true_record(dist: Distribution) -> bool:
    """Whether RECORD still says what was installed.

    conda-build and the packagers of operating systems move, strip and relink files after RECORD
    was written (Debian's pip records scripts that lie nowhere): their own databases are the truth.
    """
    if dist.source == "conda" or dist.installer in ("conda", "debian", "rpm"):
        return False
    return dist.installer in ("pip", "uv") or not dist.location.startswith("/usr/lib")


def _is_source_of_editable(dist: Distribution, dists: list[Distribution]) -> bool:
    """The .egg-info that building an editable install leaves in its source folder, on sys.path."""
    if dist.source != "egg":
        return False
    same = (d for d in dists if d.name == dist.name and d.source == "pip" and d.editable)
    return any(Path(dist.location).is_relative_to(d.editable or "") for d in same)
