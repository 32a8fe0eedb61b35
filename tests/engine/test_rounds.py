"""What a plan brings, and what it leaves alone: real repairs from small indexes of wheels."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pip
import pytest
import trees

from gpufix.diagnosis.diagnose import Request
from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run.propose import FixRequest, judged, propose
from gpufix.engine.run.repair import Repair, repair
from gpufix.engine.run_context import Indexes, RunContext
from gpufix.facts.collect import collect
from gpufix.facts.context import CollectContext
from gpufix.facts.queries import Queries
from gpufix.model import Facts, Outcome

Wheels = Mapping[str, Sequence[str]]  # "name==version" -> what it requires; "+x" of a file it lays
PIP = Path(pip.__file__).with_name("__pip-runner__.py")


class Row(NamedTuple):
    """The wheels that are here, those that the index has beside them, and what is here at last."""

    here: Wheels
    index: Wheels
    last: Sequence[str]
    plans: Sequence[str]
    state: str = "kept"
    unsafe: bool = True


JAX = {"jaxlib==0.7.2": [], "jax-cuda12-plugin==0.7.1": []}
NUMPY = {"numpy==1.26.4": []}
MATCHED = "install jax-cuda12-plugin==0.7.2, which goes with jaxlib 0.7.2"
NEW = "jax-cuda12-plugin==0.7.2"
ROWS = {
    "a release that requires one package more": Row(
        {**JAX, **NUMPY},
        {NEW: ["newpart>=1"], "newpart==1.0": ["numpy"], "numpy==2.2.6": []},
        ["jax-cuda12-plugin==0.7.2", "jaxlib==0.7.2", "newpart==1.0", "numpy==1.26.4"],
        [MATCHED, "install newpart>=1"],
    ),
    "one that requires another version of what is here": Row(
        {**JAX, **NUMPY},
        {NEW: ["numpy>=2"], "numpy==2.2.6": []},
        ["jax-cuda12-plugin==0.7.2", "jaxlib==0.7.2", "numpy==2.2.6"],
        [MATCHED, "install numpy>=2"],
    ),
    "one that requires what no index has": Row(
        {**JAX, **NUMPY},
        {NEW: ["newpart>=1"]},
        [*JAX, *NUMPY],
        [MATCHED],
        state="undone",
    ),
    "what is absent lays the files of another": Row(
        {"spconv-cu120==2.3.6": ["cumm-cu120<0.5"], "cumm-cu118==0.4.11": ["+cumm/core.py"]},
        {"cumm-cu120==0.4.11": ["+cumm/core.py"], "cumm-cu120==0.5.1": []},
        ["cumm-cu120==0.4.11", "spconv-cu120==2.3.6"],
        ["install cumm-cu120<0.5", "remove cumm-cu118, and reinstall cumm-cu120 0.4.11"],
    ),
    "that which is in its way goes with consent only": Row(
        {"spconv-cu120==2.3.6": ["cumm-cu120<0.5"], "cumm-cu118==0.4.11": ["+cumm/core.py"]},
        {"cumm-cu120==0.4.11": ["+cumm/core.py"]},
        ["cumm-cu118==0.4.11", "spconv-cu120==2.3.6"],
        ["install cumm-cu120<0.5"],
        state="undone",
        unsafe=False,
    ),
}


def pack(folder: Path, pin: str, rows: Sequence[str]) -> None:
    """A wheel of one module, and of the files that it says."""
    name, _, version = pin.partition("==")
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    requires = "".join(f"Requires-Dist: {r}\n" for r in rows if not r.startswith("+"))
    files = {f"{module}/__init__.py": f"# {pin}\n", f"{info}/METADATA": ""}
    files |= {row[1:]: f"{pin}\n" for row in rows if row.startswith("+")}
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
    )
    files[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    lines = [f"{p},{trees.digest(t.encode())},{len(t.encode())}\n" for p, t in files.items()]
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


class Scene(NamedTuple):
    prefix: Path
    index: Path
    home: Path
    environ: Mapping[str, str]

    @property
    def python(self) -> str:
        return str(self.prefix / "bin/python")

    def look(self) -> Facts:
        ctx = CollectContext(environ=dict(self.environ), home=self.home, cwd=self.home)
        return collect(ctx, self.python, None)

    def installed(self) -> list[str]:
        dists = (d for d in self.look().distributions if d.name != "pip")
        return sorted(f"{d.name}=={d.version}" for d in dists)

    def carry_out(self, unsafe: bool) -> Outcome:
        facts = self.look()
        wish = FixRequest(Request(), unsafe=unsafe)
        proposed = propose(facts, Queries.of(facts), wish)
        context = RunContext(facts, environ=self.environ, indexes=Indexes(None, (str(self.index),)))

        def again() -> tuple[Facts, Queries]:
            found = self.look()
            return found, Queries.of(found)

        return repair(proposed, context, Repair(self.home / "state", judged(wish), again))


@pytest.fixture
def scene(memory_path: Path, index: Path) -> Iterator[Scene]:
    home = memory_path / "home"
    home.mkdir()
    prefix = memory_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PIP_NO_INDEX": "1", "LANG": "C.UTF-8"}
    yield Scene(prefix, index, home, environ | {"PIP_CONFIG_FILE": os.devnull})


OF_A_KIND = (
    "a release that requires one package more",
    "one that requires another version of what is here",
    "one that requires what no index has",
)


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=pytest.mark.slow if c in OF_A_KIND else ()) for c in ROWS]
)
def test_rounds(case: str, scene: Scene) -> None:
    row = ROWS[case]
    for pin, rows in {**row.here, **row.index}.items():
        pack(scene.index, pin, rows)
    places = ["--no-index", "--no-deps", "--no-compile", "--find-links", str(scene.index)]
    command = [scene.python, str(PIP), "install", "-q", *places, *row.here]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **scene.environ})
    before = scene.installed()
    outcome = scene.carry_out(row.unsafe)
    told = (outcome.state, [p.title for p in outcome.plans])
    assert told == (row.state, list(row.plans)), outcome.reason
    assert scene.installed() == sorted(row.last)
    if outcome.run and row.state == "kept":
        assert undo_run.undo(runs.load(scene.home / "state/runs" / outcome.run)).problems == ()
    assert scene.installed() == before
