"""One command from a fresh clone: what it builds, reads back and imports.

    python benchmarks/field_runs.py COPIES WORK --python VENV --gpu sm_120 MILo taming-3dgs

COPIES holds a bare repository OWNER+NAME/repo for each one that is needed; WORK is made. The project is
cloned without its submodules; their https addresses are answered by the copies, through a server of
this machine and a git configuration of WORK. Where a copy lacks files (large pictures), a commit
without them stands for the recorded one, and that is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "engine"))
from git_server import serving

# name -> the project, its commit, and the repository of each submodule.
PROJECTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "MILo": (
        "Anttwo/MILo",
        "0c38aa65f8b768513964f13246ef1ae54f001c70",
        {
            "submodules/Depth-Anything-V2": "DepthAnything/Depth-Anything-V2",
            "submodules/nvdiffrast": "NVlabs/nvdiffrast",
        },
    ),
    "taming-3dgs": (
        "humansensinglab/taming-3dgs",
        "fd0f7d9edfe135eb4eefd3be82ee56dada7f2a16",
        {"submodules/fused-ssim": "rahul-goel/fused-ssim"},
    ),
    "Trellis_Blackwell": (
        "johncharles-dev/Trellis_Blackwell",
        "17431f4",
        {"trellis/representations/mesh/flexicubes": "MaxtirError/FlexiCubes"},
    ),
}
# Repositories that scripts, requirements and CMake clone, served as they are, under the tag if it is one.
OTHERS = {
    "g-truc/glm": "33b4a621a697a305bc3a7610d290677b96beb181",  # before those that record it
    "NVlabs/nvdiffrast": "HEAD",
    "JeffreyXiang/diffoctreerast": "HEAD",
    "autonomousvision/mip-splatting": "HEAD",
    "pybind/pybind11": "v2.9.2",
}


def git(*words: str, data: bytes = b"") -> str:
    environ = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": f"a@{who}"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    command = ["git", "-c", "safe.directory=*", "-c", "protocol.file.allow=always", *words]
    return subprocess.run(
        command, input=data, env=environ, check=True, capture_output=True
    ).stdout.decode()


def complete(copy: Path, commit: str, place: Path, links: Mapping[str, str]) -> str:
    """A repository at `place` that holds the commit, or the same without what the copy lacks.

    `links`: submodule -> the commit to record. Returns the commit's name.
    """
    if not place.is_dir():
        git("init", "-q", "--bare", "-b", "main", str(place))
    (place / "objects" / "info" / "alternates").write_text(f"{copy.resolve()}/objects\n")
    here = ["--git-dir", str(place)]
    commit = git("--git-dir", str(copy), "rev-parse", commit).strip()
    walk = git(*here, "rev-list", "--objects", "--no-walk", "--missing=print", commit)
    lacking = {line[1:] for line in walk.splitlines() if line.startswith("?")}
    rows = []
    for row in git(*here, "ls-tree", "-r", "-z", commit).split("\0"):
        meta, _, path = row.partition("\t")
        if not path or meta.split()[2] in lacking:
            continue
        mode, _, name = meta.split()
        rows.append(f"{mode} {links.get(path, name)}\t{path}\0")
    index = {**os.environ, "GIT_INDEX_FILE": str(place / "new-index")}
    for words, data in (
        (["read-tree", "--empty"], b""),
        (["update-index", "-z", "--index-info"], "".join(rows).encode()),
    ):
        subprocess.run(["git", *here, *words], input=data, env=index, check=True)
    done = subprocess.run(
        ["git", *here, "write-tree", "--missing-ok"], env=index, check=True, capture_output=True
    )
    made = git(*here, "commit-tree", done.stdout.decode().strip(), "-m", f"{commit}").strip()
    git(
        *here,
        "update-ref",
        f"refs/heads/{'main' if not git(*here, 'for-each-ref') else made[:12]}",
        made,
    )
    (place / "git-daemon-export-ok").touch()
    git(*here, "config", "uploadpack.allowAnySHA1InWant", "true")
    if lacking:
        print(f"{copy.parent.name} {commit[:7]}: without {len(lacking)} files that the copy lacks")
    return made


def submodules_of(copy: Path, commit: str) -> dict[str, str]:
    """Path -> recorded commit."""
    rows = git("--git-dir", str(copy), "ls-tree", "-r", commit).splitlines()
    return {row.partition("\t")[2]: row.split()[2] for row in rows if " commit " in row}


@contextmanager
def fresh(name: str, copies: Path, work: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The clone without its submodules, and the variables by which git reaches the copies."""
    project, commit, submodules = PROJECTS[name]

    def copy(repository: str) -> Path:
        return copies / repository.replace("/", "+", 1) / "repo"

    work.mkdir(parents=True)
    with serving(work / "served") as server:
        links = {}
        recorded = submodules_of(copy(project), commit)
        for path, repository in submodules.items():
            place = server.folder / repository
            place.parent.mkdir(exist_ok=True)
            links[path] = complete(copy(repository), recorded[path], place, {})
        served: dict[str, str] = {}  # what a repository records -> what stands for it
        for repository, head in OTHERS.items():
            place = server.folder / repository
            place.parent.mkdir(exist_ok=True)
            if not place.is_dir() and copy(repository).is_dir():
                own = submodules_of(copy(repository), head)
                known = {path: served[sha] for path, sha in own.items() if sha in served}
                served[head] = made = complete(copy(repository), head, place, known)
                if head.startswith("v"):
                    git("--git-dir", str(place), "update-ref", f"refs/tags/{head}", made)
        top = server.folder / "top"
        complete(copy(project), commit, top, links)
        tree = work / name
        git("clone", "-q", "--branch", "main", str(top), str(tree))
        git("-C", str(tree), "remote", "set-url", "origin", f"https://github.com/{project}.git")
        config = work / "gitconfig"
        addresses = [
            f'[url "{server.url}/{repository}"]\n'
            f"\tinsteadOf = https://github.com/{repository}.git\n"
            f"\tinsteadOf = https://github.com/{repository}\n"
            for repository in {*submodules.values(), *OTHERS}
        ]
        renamed = "https://github.com/IgorAherne/flexicubes-stable-projectorz.git"
        addresses.append(f'[url "{server.url}/MaxtirError/FlexiCubes"]\n\tinsteadOf = {renamed}\n')
        config.write_text(f"[http]\n\tsslCAInfo = {server.certificate}\n" + "".join(addresses))
        given = {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
        yield tree, {**os.environ, **given, "GIT_SSL_CAINFO": str(server.certificate)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("copies", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--python", required=True)
    parser.add_argument("--gpu", default="sm_120")
    parser.add_argument("names", nargs="+", choices=list(PROJECTS))
    given, more = parser.parse_known_args()
    given.work = given.work.resolve()
    for name in given.names:
        with fresh(name, given.copies, given.work / name) as (tree, environ):
            command = [sys.executable, "-m", "gpufix", "fix", str(tree), "--python", given.python]
            command += ["--gpu", given.gpu, "--apply", "--build", "--format", "json", *more]
            environ |= {"XDG_STATE_HOME": str(given.work / "state")}
            begin = time.monotonic()
            done = subprocess.run(command, env=environ, stdout=subprocess.PIPE)
            (given.work / f"{name}.json").write_bytes(done.stdout)
            print(f"{name}: exit {done.returncode} after {time.monotonic() - begin:.0f} s")
            show(json.loads(done.stdout))


def show(outcome: dict[str, object]) -> None:
    """What was built, what is in it, what imports."""
    print(f"  {outcome['state']}: {outcome.get('reason') or ''}")
    for plan in outcome["plans"]:  # type: ignore[attr-defined]
        print(f"  {plan['safety']} {' '.join(plan['codes'])} {plan['title']}")
    for built in outcome.get("built", ()):  # type: ignore[attr-defined]
        code = "; ".join(f"{Path(x['path']).name}: {x['code']}" for x in built["libraries"])
        print(
            f"  {'built' if built['ok'] else 'FAILED'} {built['path']} {built['seconds']} s {code} {'; '.join(built['reasons'])}"
        )
    for probe in outcome["probes"]:  # type: ignore[attr-defined]
        print(f"  {probe['module']}: {'imports' if probe['ok'] else probe['said']}")
    for kind in ("remaining", "introduced", "revealed"):
        for finding in outcome[kind]:  # type: ignore[index]
            print(f"  {kind} {finding['code']} {finding['severity']} {finding['message']}")
    for row in outcome["held"]:  # type: ignore[attr-defined]
        print(f"  held {' '.join(row['plan']['codes'])} {row['plan']['title']}: {row['reason']}")


if __name__ == "__main__":
    main()
