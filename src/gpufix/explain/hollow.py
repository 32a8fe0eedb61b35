"""A module that lacks what every release of it has: a folder or file hides it, or its files are gone."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit

_EVERY = {
    "torch": "__version__|Tensor|tensor|nn|cuda|device|dtype|float(?:16|32|64)|int64|long|no_grad|zeros|ones|load|save|optim|"
    "autograd|utils|from_numpy|manual_seed|is_tensor",
    "numpy": "__version__|ndarray|array|asarray|zeros|ones|dtype|float32|int64|arange|random",
    "jax": "__version__|numpy|jit|grad|devices",
    "tensorflow": "__version__",
    "transformers": "__version__",
}
_LACKS = re.compile(
    r"(?P<circular>partially initialized )?module ['\"`]?(?P<module>" + "|".join(_EVERY) + r")['\"`]? "
    r"(?:has no|(?:doesn.t|does not) have(?: an)?) attribute ['\"`]?(?P<name>\w{1,80})"
    r"|cannot import name ['\"`]?(?P<other>\w{1,80})['\"`]? from ['\"`]?(?P<whole>" + "|".join(_EVERY) + r")['\"`]? \(unknown location\)"
    r"|No module named ['\"`](?P<part>torch)\.(?:version|nn|cuda|optim|autograd|utils(?:\.data)?)['\"`]"
)  # fmt: skip
# What the doctor calls it, where the patient is at hand.
_CODES = ("WHL503", "WHL512", "WHL502", "WHL507")


def hollow(explanation: Explanation, hit: Hit) -> Explanation | None:
    """None where the name may well be one of another release."""
    found = _LACKS.search(hit.shown)
    if found is None:
        return None
    module = found["module"] or found["whole"] or found["part"]
    if (
        found["module"]
        and not found["circular"]
        and not re.fullmatch(_EVERY[module], found["name"])
    ):
        return None
    return explanation.but(
        rule=None,
        role="cause",
        open=_CODES,
        captures={"module": module, "damaged": module},
        what=f"What is imported as {module} is not the whole {module}: a folder or file of that name hides it, or files of it are "
        "gone.",
        do=f'`python -c "import {module}; print({module})"` shows where it lies. A {module}.py or folder {module} of your own: rename '
        f"it, or start in another folder (PYTHONPATH can lead to one, too). In site-packages: `pip uninstall -y "
        f"{module}`, delete what is left of the folder {module}, and install it again{' (from the index of before)' if module == 'torch' else ''}.",
    )


def refused(explanation: Explanation, _: Hit) -> Explanation:
    """libNVVM could not read what it was given: of the files at hand libdevice's bitcode is one."""
    return explanation.but(open=_CODES, captures={"damaged": "libdevice"})


_PYTHON = re.compile(r"The Python version is: Python(?P<version>3\.\d{1,2})")
_FOLDER = re.compile(
    r"[/\\][Pp]ython(?P<major>3)\.?(?P<minor>\d{1,2})[/\\](?:[Ll]ib[/\\])?(?:site|dist)-packages[/\\]numpy\b"
)


def numpy_of_another(explanation: Explanation, hit: Hit) -> Explanation:
    """The folder of numpy says another Python than the one that runs."""
    near = context(hit)
    runs, lies = _PYTHON.search(near), _FOLDER.search(near)
    if runs is None or lies is None:
        return explanation
    other = f"{lies['major']}.{lies['minor']}"
    if other == runs["version"]:
        return explanation
    return explanation.but(
        open=("RUN805",),
        what=f"Python {runs['version']} imports the numpy of Python {other}, whose compiled part it cannot load: PYTHONPATH or "
        "sys.path leads there.",
        do=f"`unset PYTHONPATH` (and what sets it), or start Python {other}. In a script take the folder of Python {other} off "
        f"sys.path. Where this Python has no numpy of its own: `python -m pip install numpy`.",
    )
