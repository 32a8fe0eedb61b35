"""ABI303: modules that were built for NumPy 1, beside NumPy 2."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.abi.abi303_numpy_abi_mismatch import numpy_abi_mismatch
from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.evidence.view import View
from gpufix.model import Distribution, Import, Severity
from gpufix.model.payload import ExtensionModules

NUMPY = b.dist("numpy", "2.1.0")
OFFER = ["pin-numpy unsafe"]


def of(old: dict[str, str | None], *dists: Distribution) -> View:
    return b.view(b.facts(distributions=list(dists), binaries=replace(b.binaries(), numpy_1=old)))


def fault(owner: str, label: str, *paths: str, severity: Severity = ERROR) -> Fault:
    return Fault(
        severity,
        owner,
        f"numpy 2.1.0 is installed; {label} is built for NumPy 1.",
        evidence=paths[:8],
        payload=ExtensionModules(owner, paths),
    )


REQUIRES = {"requires": ["numpy"]}
MANY = [f"/s/many/_{n}.so" for n in range(10, 20)]

SILENT = {
    "modules for NumPy 2": of({}, NUMPY, b.dist("pyfoo")),
    "it says nothing of NumPy, and its import does without the module": b.view(
        b.facts(
            distributions=[NUMPY, b.dist("pyfoo")],
            binaries=replace(
                b.binaries(imports=[Import(module="pyfoo", distribution="pyfoo", state="works")]),
                numpy_1={"/s/pyfoo/_x.so": "pyfoo"},
            ),
        )
    ),
    "no numpy": of({"/s/pyfoo/_x.so": "pyfoo"}, b.dist("pyfoo")),
}

FIRING = {
    "a module for NumPy 1": Fires(
        of({"/s/pyfoo/_x.so": "pyfoo"}, NUMPY, b.dist("pyfoo", "1.4", **REQUIRES)),
        fault("pyfoo", "pyfoo 1.4", "/s/pyfoo/_x.so"),
        offers=OFFER,
    ),
    "for a Python without a wheel of NumPy 1": Fires(
        b.view(
            b.facts(
                python=b.python("cp313"),
                distributions=[NUMPY, b.dist("pyfoo", "1.4", **REQUIRES)],
                binaries=replace(b.binaries(), numpy_1={"/s/pyfoo/_x.so": "pyfoo"}),
            )
        ),
        fault("pyfoo", "pyfoo 1.4", "/s/pyfoo/_x.so"),
    ),
    "its metadata says nothing": Fires(
        of({"/s/pyfoo/_x.so": "pyfoo"}, NUMPY, b.dist("pyfoo", "1.4")),
        fault("pyfoo", "pyfoo 1.4", "/s/pyfoo/_x.so", severity=WARNING),
        offers=OFFER,
    ),
    "its metadata requires NumPy for an extra only": Fires(
        of(
            {"/s/pyfoo/_x.so": "pyfoo"},
            NUMPY,
            b.dist("pyfoo", "1.4", requires=["torch>=2", "NumPy; extra == 'arrays'"]),
        ),
        fault("pyfoo", "pyfoo 1.4", "/s/pyfoo/_x.so", severity=WARNING),
        offers=OFFER,
    ),
    "its metadata says nothing, and its import fails by the module": Fires(
        b.view(
            b.facts(
                distributions=[NUMPY, b.dist("pyfoo", "1.4")],
                binaries=replace(
                    b.binaries(
                        imports=[Import(module="pyfoo", state="fails", library="/s/pyfoo/_x.so")]
                    ),
                    numpy_1={"/s/pyfoo/_x.so": "pyfoo"},
                ),
            )
        ),
        fault("pyfoo", "pyfoo 1.4", "/s/pyfoo/_x.so"),
        offers=OFFER,
    ),
    "torch works without": Fires(
        of({"/s/torch/lib/libtorch_python.so": "torch"}, NUMPY, b.dist("torch", "2.2.2")),
        fault("torch", "torch 2.2.2", "/s/torch/lib/libtorch_python.so", severity=WARNING),
        offers=OFFER,
    ),
    "no distribution owns it": Fires(
        of({"/s/lone.so": None}, NUMPY), fault("/s/lone.so", "/s/lone.so", "/s/lone.so"), OFFER
    ),
    "its distribution is not installed": Fires(
        of({"/s/x.so": "gone"}, NUMPY), fault("gone", "gone", "/s/x.so"), OFFER
    ),
    "two, by name; eight paths of one are shown": Fires(
        of(
            dict.fromkeys(MANY, "many") | {"/s/a.so": "a"},
            NUMPY,
            b.dist("many", "2", **REQUIRES),
            b.dist("a", **REQUIRES),
        ),
        [fault("a", "a 1.0", "/s/a.so"), fault("many", "many 2", *MANY)],
        offers=OFFER,
    ),
}

test_silent, test_firing = rows(numpy_abi_mismatch, SILENT, FIRING)
