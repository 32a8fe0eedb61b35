"""SRC612: a `device` that answers for one of several modules."""

from __future__ import annotations

import source_tree as t
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, Fault
from gpufix.checks.source.src612_stale_device_lookup import stale_device_lookup

DEVICE = """\
class {1}:
    @property
    def device(self):
        for m in self.models.values():
            return m.device

    {0}
    def use(self, x):
        return x.to(self.device)
"""
FIRST = "for m in self.models.values():\n            return m.device"
SWAP = "def swap(self):\n        self.models['a'].{}"
ALL = "def to(self, d):\n        for m in self.models.values():\n            m.to(d)"
DERIVED = (
    "from a import P0\nclass Q(P0):\n    def run(self, x):\n        return x.to(self.device)\n"
)


def of(*methods: str) -> dict[str, str]:
    """A file for each class with one such method."""
    return {f"{chr(97 + n)}.py": DEVICE.format(text, f"P{n}") for n, text in enumerate(methods)}


def stale(
    name: str,
    path: str,
    *uses: tuple[str, int, str],
    moved: tuple[str, int] | None = None,
) -> Fault:
    found = uses or ((path, 10, "use"),)
    place, line = moved or (path, 8)
    where = f"line {line}" if place == path else f"line {line} of {place}"
    read = "one place reads it" if len(found) == 1 else f"{len(found)} places read it"
    return Fault(
        ADVICE,
        path,
        f"{name}.device in {path} asks the first module, while {where} moves single ones; {read}.",
        evidence=(
            t.at(path, 3, "def device(self)"),
            t.at(place, line, "one module is moved"),
            *(t.at(p, n, f"self.device, in {function}") for p, n, function in found),
        ),
    )


SILENT = {
    "all are moved at once": t.project(of(ALL)),
    "none is moved": t.project(of("def run(self):\n        self.models['a'].run()")),
    "another collection is moved": t.project(
        {"a.py": DEVICE.format("pass", "P"), "b.py": "p.nets['a'].to('cpu')\n"}
    ),
    "one module only": t.project(
        {
            "a.py": DEVICE.format(SWAP.format("to('cpu')"), "P").replace(
                FIRST, "return self.model.device"
            )
        }
    ),
    "nobody reads it": t.project(
        {"a.py": DEVICE.format(SWAP.format("cpu()"), "P").replace("x.to(self.device)", "x")}
    ),
    "it is noted where they are": t.project(
        {
            "a.py": DEVICE.format(SWAP.format("cpu()"), "P").replace(
                FIRST, f"if self._device:\n            return self._device\n        {FIRST}"
            )
        }
    ),
    "another family moves its own": t.project(
        {
            "a.py": DEVICE.format(ALL, "P"),
            "b.py": "class B:\n    def f(self):\n        self.models['a'].cpu()\n",
        }
    ),
}

FIRING = {
    "to()": Fires(t.project(of(SWAP.format("to('cpu')"))), stale("P0", "a.py")),
    "cpu()": Fires(t.project(of(SWAP.format("cpu()"))), stale("P0", "a.py")),
    "cuda()": Fires(t.project(of(SWAP.format("cuda()"))), stale("P0", "a.py")),
    "every use, in classes that derive from it too": Fires(
        t.project({**of(SWAP.format("cpu()")), "b.py": DERIVED}),
        stale("P0", "a.py", ("a.py", 10, "use"), ("b.py", 4, "run")),
    ),
    "moved in a script": Fires(
        t.project({**of("pass"), "b.py": "pipeline.models['a'].to('cpu')\n"}),
        stale("P0", "a.py", ("a.py", 9, "use"), moved=("b.py", 1)),
    ),
    "moved by a class that derives from it": Fires(
        t.project(
            {**of("pass"), "b.py": f"{DERIVED}    def f(self):\n        self.models['a'].cpu()\n"}
        ),
        stale("P0", "a.py", ("a.py", 9, "use"), ("b.py", 4, "run"), moved=("b.py", 6)),
    ),
    "two copies of a package, one of which moves them": Fires(
        t.project(
            {
                **{f"{copy}/base.py": DEVICE.format("pass", "P0") for copy in "ab"},
                "a/ours.py": DERIVED,
                "b/ours.py": f"{DERIVED}    def f(self):\n        self.models['a'].cpu()\n",
            }
        ),
        stale(
            "P0",
            "b/base.py",
            ("b/base.py", 9, "use"),
            ("b/ours.py", 4, "run"),
            moved=("b/ours.py", 6),
        ),
    ),
    "two classes, and one that is fine between": Fires(
        t.project(of(SWAP.format("cpu()"), ALL, SWAP.format("cuda()"))),
        [stale("P0", "a.py"), stale("P2", "c.py")],
    ),
}

test_silent, test_firing = rows(stale_device_lookup, SILENT, FIRING)
