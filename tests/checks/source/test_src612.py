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
"""
FIRST = "for m in self.models.values():\n            return m.device"
SWAP = "def swap(self):\n        self.models['a'].{}"
ALL = "def to(self, d):\n        for m in self.models.values():\n            m.to(d)"


def of(*methods: str) -> dict[str, str]:
    """A file for each class with one such method."""
    return {f"{chr(97 + n)}.py": DEVICE.format(text, f"P{n}") for n, text in enumerate(methods)}


def stale(name: str, path: str) -> Fault:
    return Fault(
        ADVICE,
        path,
        f"{name}.device in {path} asks the first module, while line 8 moves single ones.",
        evidence=(t.at(path, 3, "def device(self)"), t.at(path, 8, "one module is moved")),
    )


SILENT = {
    "all are moved at once": t.project(of(ALL)),
    "none is moved": t.project(of("def run(self):\n        self.models['a'].run()")),
    "moved outside the class": t.project({"a.py": DEVICE.format("pass", "P") + "p.to('cpu')\n"}),
    "one module alone": t.project(
        {
            "a.py": DEVICE.format(SWAP.format("to('cpu')"), "P").replace(
                FIRST, "return self.model.device"
            )
        }
    ),
}

FIRING = {
    "to()": Fires(t.project(of(SWAP.format("to('cpu')"))), stale("P0", "a.py")),
    "cpu()": Fires(t.project(of(SWAP.format("cpu()"))), stale("P0", "a.py")),
    "cuda()": Fires(t.project(of(SWAP.format("cuda()"))), stale("P0", "a.py")),
    "two classes, and one that is fine between": Fires(
        t.project(of(SWAP.format("cpu()"), ALL, SWAP.format("cuda()"))),
        [stale("P0", "a.py"), stale("P2", "c.py")],
    ),
}

test_silent, test_firing = rows(stale_device_lookup, SILENT, FIRING)
