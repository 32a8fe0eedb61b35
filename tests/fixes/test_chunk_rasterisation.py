"""`--fallback nvdiffrast_chunked`: the project's calls of nvdiffrast's rasterize, changed."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import pytest
import source_tree as t

from gpufix.checks.judge import Selection
from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.runtime.run806_out_of_memory import RUN806
from gpufix.checks.source.src611_half_into_float_kernel import half_into_float_kernel
from gpufix.diagnosis.diagnose import Request
from gpufix.engine.run.propose import FixRequest, propose
from gpufix.facts.queries import Queries
from gpufix.fallbacks.pack import tree
from gpufix.fixes.fallback.install_fallback import install_fallback, on_demand
from gpufix.model import InstallFallback, Plan, Record, Skip, WriteFile
from gpufix.model.source_payload import UnfitArgument

NAME = "nvdiffrast_chunked"
TORCH = b.dist("torch", "2.9.0+cu128")
RAN_OUT = RUN806.finding(Fault(ERROR, NAME, "Device memory ran out."))
IMPORT = "import nvdiffrast.torch as dr\n"
CALL = "rast, _ = dr.rasterize(ctx, pos, tri, [8, 8])\n"


def planned(root: Path, files: dict[str, Any], *installed: Any, **sections: Any) -> Plan | Skip:
    t.write(root, files)
    view = t.look(root, "sm_120", distributions=[TORCH, *installed], **sections)
    return on_demand(NAME, view, t.found(half_into_float_kernel, view))


def written(plan: object, root: Path) -> dict[str, str]:
    assert isinstance(plan, Plan), plan
    return {
        str(Path(s.path).relative_to(root)): s.content
        for s in plan.steps
        if isinstance(s, WriteFile)
    }


# Files in which nothing is changed, and what the plan says of them.
LEFT: dict[str, tuple[str, str]] = {
    "no call": (IMPORT + "ctx = dr.RasterizeCudaContext()\n", ""),
    "another library's": ("import drtk as dr\n# not nvdiffrast\n" + CALL, ""),
    "a method of that name": (IMPORT + "class A:\n    def f(self): self.rasterize(1)\n", ""),
    "in a text": (IMPORT + f'"""\n{CALL}"""\n# {CALL}', ""),
    "a relative import": ("from .nvdiffrast import torch as dr\n" + CALL, ""),
    "chunked already": (
        IMPORT + f"import {NAME}\nrast, _ = {NAME}.rasterize(ctx, pos, tri, [8, 8])\n",
        "",
    ),
    "does not parse": (IMPORT + CALL + "(\n", ""),
    "rebound": (IMPORT + "dr = object()\n" + CALL, "dr is something else by line 2"),
    "rebound in a loop": (IMPORT + f"for dr in x:\n    {CALL}", "by line 2"),
    "rebound by except": (
        f"try:\n    {IMPORT}except ImportError as dr:\n    pass\n{CALL}",
        "by line 3",
    ),
    "another import": (
        f"try:\n    {IMPORT}except ImportError:\n    import mine as dr\n{CALL}",
        "by line 4",
    ),
    "a parameter": (IMPORT + f"def f(dr):\n    {CALL}", "by line 2"),
    "global": (f"dr = None\ndef f():\n    global dr\n    {IMPORT}def g():\n    {CALL}", "by line 3"),
    "imported elsewhere": (
        f"def f():\n    {IMPORT}def g():\n    {CALL}",
        "dr is not imported where it is used",
    ),
    "the new name is taken": (
        f"{IMPORT}{NAME} = 1\n{CALL}",
        f"the name {NAME} is taken by line 2",
    ),
    "peeled": (
        IMPORT + f"with dr.DepthPeeler(ctx, pos, tri, [8, 8]) as p:\n    if p:\n        {CALL}",
        "in a `with` of DepthPeeler",
    ),
    "handed on": (IMPORT + "draw = partial(dr.rasterize, ctx)\n", "handed on, not called"),
    "carried": (
        "class A:\n    def __init__(self):\n        import nvdiffrast.torch as dr\n        self.dr = dr\n"
        "    def f(self): return self.dr.rasterize(1)\n",
        "nothing here settles what self.dr is",
    ),
    "import_module": (
        "import importlib\ndr = importlib.import_module('nvdiffrast.torch')\n" + CALL,
        "nothing here settles what dr is",
    ),
    "import *": ("from nvdiffrast.torch import *\nrasterize(c, p, t, s)\n", "comes by `import *`"),
    "import * later": (IMPORT + "from utils import *\n" + CALL, "in line 2 may bind dr again"),
    "in pieces": (IMPORT + "rast = (dr.  # here\n    rasterize)(c, p, t, s)\n", "one piece"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_left_as_it_is(case: str, tmp_path: Path) -> None:
    text, said = LEFT[case]
    plan = planned(tmp_path, {"a.py": text})
    assert written(plan, tmp_path) == {}
    assert isinstance(plan, Plan)
    assert [s.kind for s in plan.steps] == ["fallback"], "the helper is installed all the same"
    notes = [note for note in plan.notes if note.startswith("a.py:")]
    assert len(notes) == bool(said)
    assert not notes or (said in notes[0] and "is left as it is" in notes[0])


NEW = f"import {NAME}\n"
DONE = CALL.replace("dr.rasterize", f"{NAME}.rasterize")
# before, after
CHANGED: dict[str, tuple[str, str]] = {
    "import as": (
        "import os\n" + IMPORT + "\n# draw\n" + CALL + CALL,
        "import os\n" + IMPORT + NEW + "\n# draw\n" + DONE + DONE,
    ),
    "from the package": (
        "from nvdiffrast import torch as nvt  # why\n" + CALL.replace("dr.", "nvt."),
        "from nvdiffrast import torch as nvt  # why\n" + NEW + DONE,
    ),
    "from the module": (
        "from nvdiffrast.torch import (\n    interpolate,\n    rasterize,\n)\n"
        + CALL.replace("dr.", ""),
        "from nvdiffrast.torch import (\n    interpolate,\n    rasterize,\n)\n" + NEW + DONE,
    ),
    "from where it is defined": (
        "from nvdiffrast.torch.ops import rasterize as r\nr(*a, **k)\n",
        f"from nvdiffrast.torch.ops import rasterize as r\n{NEW}{NAME}.rasterize(*a, **k)\n",
    ),
    "in full": (
        "import nvdiffrast.torch\n" + CALL.replace("dr.", "nvdiffrast.torch."),
        "import nvdiffrast.torch\n" + NEW + DONE,
    ),
    "twice imported": (
        "import nvdiffrast\nimport nvdiffrast.torch\n" + CALL.replace("dr.", "nvdiffrast.torch."),
        "import nvdiffrast\n" + NEW + "import nvdiffrast.torch\n" + DONE,
    ),
    "tried": (
        f"try:\n    {IMPORT}except ImportError:\n    dr = None\ndef f():\n    {CALL}",
        f"try:\n    {IMPORT}    {NEW}except ImportError:\n    dr = None\ndef f():\n    {DONE}",
    ),
    "tried and tried again": (
        f"try:\n    {IMPORT}except ImportError:\n    get()\n    {IMPORT}{CALL}",
        f"try:\n    {IMPORT}    {NEW}except ImportError:\n    get()\n    {IMPORT}    {NEW}{DONE}",
    ),
    "in functions": (
        f"def f():\n\t{IMPORT}\t{CALL}def g():\n\t{IMPORT}\treturn dr.texture\n",
        f"def f():\n\t{IMPORT}\t{NEW}\t{DONE}def g():\n\t{IMPORT}\treturn dr.texture\n",
    ),
    "in a nested function": (
        f"def f():\n  {IMPORT}  def g(): return dr.rasterize(c, p, t, s)\n",
        f"def f():\n  {IMPORT}  {NEW}  def g(): return {NAME}.rasterize(c, p, t, s)\n",
    ),
    "a default is made outside": (
        f"{IMPORT}def f(x=dr.rasterize(c, p, t, s)):\n    {IMPORT}    dr.texture(x)\n",
        f"{IMPORT}{NEW}def f(x={NAME}.rasterize(c, p, t, s)):\n    {IMPORT}    dr.texture(x)\n",
    ),
    "one line": (
        "import torch; import nvdiffrast.torch as dr; " + CALL,
        f"import torch; import nvdiffrast.torch as dr; import {NAME}; " + DONE,
    ),
    "behind a colon": (
        "if x: import nvdiffrast.torch as dr\n" + CALL,
        f"if x: import nvdiffrast.torch as dr; import {NAME}\n" + DONE,
    ),
    "at the end, without a line's end": (
        "def f(): return dr.rasterize(c, p, t, s)\nimport nvdiffrast.torch as dr",
        f"def f(): return {NAME}.rasterize(c, p, t, s)\nimport nvdiffrast.torch as dr\nimport {NAME}",
    ),
    "imported already": (IMPORT + NEW + DONE + CALL, IMPORT + NEW + DONE + DONE),
    "import * before": (
        "from utils import *\n" + IMPORT + CALL,
        "from utils import *\n" + IMPORT + NEW + DONE,
    ),
    "within others": (
        IMPORT + "x = dr.interpolate(a, dr.rasterize(\n    c, p, t,  # why\n    s)[0], t)\n",
        IMPORT + NEW + f"x = dr.interpolate(a, {NAME}.rasterize(\n    c, p, t,  # why\n    s)[0], t)\n",
    ),
    "one of two": (
        IMPORT + CALL + "f = dr.rasterize\n",
        IMPORT + NEW + DONE + "f = dr.rasterize\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_changed(case: str, tmp_path: Path) -> None:
    before, after = CHANGED[case]
    plan = planned(tmp_path, {"a.py": before})
    assert written(plan, tmp_path) == {"a.py": after}
    assert isinstance(plan, Plan)
    assert (plan.safety, plan.steps[-1].kind) == ("unsafe", "fallback")
    assert plan.title.endswith(" and call it in a.py")
    ast.parse(after)
    again = planned(tmp_path, {"a.py": after})
    assert written(again, tmp_path) == {}, "a second application changes nothing"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (f"{IMPORT}{CALL}# Größe\n".replace("\n", "\r\n").encode(), "utf-8"),
        (f"\ufeff{IMPORT}{CALL}".encode(), "utf-8"),
        (f"# coding: latin-1\n{IMPORT}\x0c\n{CALL}# Größe\n".encode("latin-1"), "latin-1"),
    ],
)
def test_bytes_are_kept(data: bytes, encoding: str, tmp_path: Path) -> None:
    plan = planned(tmp_path, {"a.py": data})
    t.apply(replace(plan, steps=plan.steps[:-1]) if isinstance(plan, Plan) else plan)
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    wanted = data.replace(b"dr.rasterize", f"{NAME}.rasterize".encode())
    wanted = wanted.replace(b"as dr" + ending, b"as dr" + ending + NEW.strip().encode() + ending)
    assert (tmp_path / "a.py").read_bytes() == wanted
    data.decode(encoding)


USES = IMPORT + CALL

STARRED = IMPORT + "from pack.util import *\n" + CALL
# The module that `import *` brings in, and whether the call below it is changed.
STARS = {
    "nothing of the name": ({"pack/util.py": "x = 1\ndef f(): pass\n"}, True),
    "the same": ({"pack/util.py": IMPORT}, True),
    "a package, and on": (
        {"pack/util/__init__.py": "from .low import *\n", "pack/util/low.py": "x = 1\n"},
        True,
    ),
    "round and round": (
        {"pack/util.py": "from .low import *\n", "pack/low.py": "from pack.util import *\n"},
        True,
    ),
    "below another folder": ({"src/pack/util.py": "x = 1\n"}, True),
    "another": ({"pack/util.py": "dr = object()\n"}, False),
    "another, further on": (
        {"pack/util.py": "from .low import *\n", "pack/low.py": "import drtk as dr\n"},
        False,
    ),
    "one of two": ({"pack/util.py": "x = 1\n", "old/pack/util.py": "dr = 1\n"}, False),
    "of others": ({}, False),
    "of others, further on": ({"pack/util.py": "from scipy import *\n"}, False),
    "above the project": ({"pack/util.py": "from ....far import *\n"}, False),
    "does not parse": ({"pack/util.py": "dr = (\n"}, False),
}


@pytest.mark.parametrize("case", STARS)
def test_what_import_star_brings(case: str, tmp_path: Path) -> None:
    files, changed = STARS[case]
    plan = planned(tmp_path, {"a.py": STARRED, **files})
    assert list(written(plan, tmp_path)) == ["a.py"] * changed
    assert isinstance(plan, Plan)
    assert any("line 2 may bind dr again" in note for note in plan.notes) != changed


def test_other_peoples_files_are_not_touched(tmp_path: Path) -> None:
    """The library's own copy is not even spoken of."""
    files = {
        "render.py": USES,
        "ext/nvdiffrast/nvdiffrast/__init__.py": "",
        "ext/nvdiffrast/nvdiffrast/torch/ops.py": USES,
        "ext/nvdiffrast/samples/cube.py": USES,
        "third_party/viewer/draw.py": USES,
        "mods/other/draw.py": USES,
        "venv/pyvenv.cfg": "",
        "venv/lib/draw.py": USES,
        ".gitmodules": '[submodule "mods/other"]\n\tpath = mods/other\n\turl = https://x/y\n',
    }
    plan = planned(tmp_path, files)
    assert list(written(plan, tmp_path)) == ["render.py"]
    assert isinstance(plan, Plan)
    said = [n.partition(" ")[0] for n in plan.notes if n.endswith("not the project's own")]
    assert said == ["mods/other/draw.py", "third_party/viewer/draw.py"]


@pytest.mark.parametrize(
    "named",
    [
        {"setup.py": "from setuptools import setup\nsetup(name='nvdiffrast')\n"},
        {"pyproject.toml": "[project]\nname = 'nvdiffrast'\n"},
    ],
)
def test_the_library_itself_is_not_changed(named: dict[str, str], tmp_path: Path) -> None:
    files = {**named, "nvdiffrast/__init__.py": "", "samples/cube.py": USES}
    assert written(planned(tmp_path, files), tmp_path) == {}


def test_a_copy_beside_the_project(tmp_path: Path) -> None:
    files = {"nvdiffrast/__init__.py": "", "nvdiffrast/torch/ops.py": USES, "render.py": USES}
    assert list(written(planned(tmp_path, files), tmp_path)) == ["render.py"]


def test_without_a_project(tmp_path: Path) -> None:
    view = t.look(tmp_path, "sm_120", distributions=[TORCH], project=None)
    plan = on_demand(NAME, view)
    assert isinstance(plan, Plan)
    assert isinstance(plan.steps[0], InstallFallback)
    assert plan.title == f"install gpufix's {NAME} as nvdiffrast-chunked 1.0.0+gpufix"


def test_nothing_is_changed_when_the_helper_cannot_be_installed(tmp_path: Path) -> None:
    t.write(tmp_path, {"a.py": USES})
    view = t.look(tmp_path, "sm_120", distributions=[], torch=None)
    assert isinstance(on_demand(NAME, view), Skip)


def ours() -> Any:
    return b.dist(
        "nvdiffrast-chunked", "1.0.0+gpufix", metadata="/site/nvc.dist-info", record=Record(files=3)
    )


def with_ours(root: Path, text: str) -> Any:
    import gpufix

    t.write(root, {"a.py": text})
    answers = b.source("/site/nvc.dist-info/WHEEL", f"Generator: gpufix {gpufix.__version__}\n")
    return t.look(root, "sm_120", distributions=[TORCH, ours()], answers=answers)


def test_once_installed_only_the_calls_are_left_to_change(tmp_path: Path) -> None:
    view = with_ours(tmp_path, USES)
    for plan in (on_demand(NAME, view), install_fallback(RAN_OUT, view)):
        assert isinstance(plan, Plan)
        assert [s.kind for s in plan.steps] == ["write"]
        assert plan.title == f"use gpufix's {NAME}: call it in a.py"
        assert plan.fallback == NAME


def test_once_all_is_done_there_is_no_plan(tmp_path: Path) -> None:
    view = with_ours(tmp_path, IMPORT + NEW + DONE + "f = dr.rasterize\n")
    skip = on_demand(NAME, view)
    assert isinstance(skip, Skip)
    assert not skip.asked
    assert "is installed already; a.py:4 is left as it is" in skip.reason
    assert install_fallback(RAN_OUT, view) is None


def test_for_an_error_of_a_run(tmp_path: Path) -> None:
    view = t.look(t.write(tmp_path, {"a.py": USES}), "sm_120", distributions=[TORCH])
    plan = install_fallback(RAN_OUT, view)
    assert isinstance(plan, Plan)
    assert [s.kind for s in plan.steps] == ["write", "fallback"]


RANGES = "def f(c, p, t):\n    return dr.rasterize(c, p, t, [8, 8], ranges=torch.zeros(1, 2, device='cuda'))\n"


def test_ranges_on_the_gpu_need_no_cast_any_more(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"a.py": IMPORT + RANGES})
    assert isinstance(plan, Plan)
    assert (plan.codes, plan.finding) == (["SRC611"], ("SRC611", "a.py"))
    assert ".cpu()" not in written(plan, tmp_path)["a.py"]
    t.apply(replace(plan, steps=plan.steps[:-1]))
    assert t.found(half_into_float_kernel, t.look(tmp_path)) == []


def test_half_precision_stays_a_fault(tmp_path: Path) -> None:
    text = IMPORT + RANGES.replace("rasterize(c, p,", "rasterize(c, p.half(),")
    plan = planned(tmp_path, {"a.py": text})
    assert isinstance(plan, Plan)
    assert (plan.codes, plan.finding) == ([], None)
    t.apply(replace(plan, steps=plan.steps[:-1]))
    (left,) = t.found(half_into_float_kernel, t.look(tmp_path))
    assert left.payload_as(UnfitArgument).kind == "half"


def test_with_casts_each_argument_is_cast_once(tmp_path: Path) -> None:
    """Both plans edit one file; `ranges` of the changed call are not cast, DepthPeeler's are."""
    call = RANGES.replace("rasterize(c, p,", "rasterize(c, p.half(),").replace(
        " ranges", "\n ranges"
    )
    peel = "def g(c, p, t, r):\n    return dr.DepthPeeler(c, p, t, [8, 8], r.cuda())\n"
    view = t.look(t.write(tmp_path, {"a.py": IMPORT + call + peel}), distributions=[TORCH])
    request = Request(selection=Selection(select=("SRC",)))
    wish = FixRequest(request, only=("SRC611",), unsafe=True, fallbacks=(NAME,))
    proposed = propose(view.facts, Queries.of(view.facts), wish)
    plans = [p.fix for p in proposed.choice.plans]
    assert plans == ["install-fallback", "cast-argument", "cast-argument"]
    assert proposed.choice.held == []  # two edits of one line are composed
    write = proposed.steps[0]
    assert isinstance(write, WriteFile)
    assert write.content.count(".cpu().int()") == 1
    assert "r.cuda().cpu().int())" in write.content


def test_names_that_the_payload_has() -> None:
    """What calls are changed to is there."""
    from gpufix.fallbacks.catalogue import every

    for fallback in every():
        for calls in fallback.calls:
            module, _, function = calls.instead.rpartition(".")
            body = ast.parse(tree(fallback.name)[f"{module}/__init__.py"]).body
            assert function in [n.name for n in body if isinstance(n, ast.FunctionDef)]
