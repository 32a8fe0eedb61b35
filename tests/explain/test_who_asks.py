"""Who asks for a name that is not there: a package of another one, or the program's own code."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.frames import asking, frames
from gpufix.explain.read import explain

OWN = '  File "/home/user/train.py", line 3, in <module>\n    go()\n'
PACKAGE = '  File "/env/lib/python3.11/site-packages/{}/core.py", line 9, in go\n    call()\n'
MODULE = '  File "/env/lib/python3.11/site-packages/six.py", line 9, in go\n    call()\n'
PYTHON = (
    '  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module\n    run()\n'
)
PASSES_ON = (
    '  File "/env/lib/python3.11/site-packages/gradio/component_meta.py", line 167, in wrapper\n'
    "    return fn(self, **kwargs)\n"
)
CELL = "Cell In[3], line 2\n      1 import a\n----> 2 go()\n\n"
LISTED = (
    "File ~/.venv/lib/python3.9/site-packages/spkit/core/advance.py:29\n     27 import a\n"
    "---> 29 from scipy.signal import triang\n     30 import b\n\n"
)
OLD_LISTED = "/usr/local/lib/python3.10/dist-packages/setfit/trainer.py in fit(self)\n    293 \n--> 295     go()\n    296\n\n"

ASKING = {
    "nothing shown": ("", None),
    "the program": (OWN, None),
    "a package that the program calls": (OWN + PACKAGE.format("trl"), "trl"),
    "a module of one file": (OWN + MODULE, "six"),
    "the program, called by a package": (PACKAGE.format("streamlit") + OWN, None),
    "a package, by the owner's own frame": (PACKAGE.format("trl") + PACKAGE.format("owner"), "trl"),
    "a package, through Python's importlib": (PACKAGE.format("trl") + PYTHON, "trl"),
    "the program, through a decorator": (OWN + PASSES_ON, None),
    "a notebook's cell": (PACKAGE.format("trl") + CELL, None),
    "a package that a notebook lists": (CELL + LISTED, "spkit"),
    "a package that an old notebook lists": (CELL + OLD_LISTED, "setfit"),
}


@pytest.mark.parametrize("case", ASKING)
def test_who_asks(case: str) -> None:
    text, package = ASKING[case]
    assert asking(frames(text), "owner") == package


def told(error: str, before: str) -> Explanation:
    answer, _ = explain([f"Traceback (most recent call last):\n{before}{error}\n".encode()])
    assert answer.primary is not None
    return answer.primary


GONE = "AttributeError: module 'networkx' has no attribute 'read_gpickle'"
CAME = "ModuleNotFoundError: No module named 'timm.layers'"
ARGUMENT = "TypeError: Client.__init__() got an unexpected keyword argument 'proxies'"
UNKNOWN = "ImportError: cannot import name 'no_such_name' from 'mmcv'"
OF_PYTHON = "AttributeError: module 'collections' has no attribute 'MutableMapping'"

RULES = [
    (UNKNOWN, OWN, None),  # nothing tells that it ever was there
    (ARGUMENT.replace("proxies", "proxy_of_mine").replace("Client", "Mine"), OWN, None),
    (OF_PYTHON.replace("MutableMapping", "mine"), OWN, None),
    (GONE, OWN, "SRC604"),
    (GONE, "", "SRC604"),
    (GONE, PACKAGE.format("osmnx"), "WHL506"),
    (OF_PYTHON, OWN, "SRC604"),
    (OF_PYTHON, PACKAGE.format("tornado"), "WHL506"),
    (CAME, OWN, "WHL506"),  # it is not gone: the installed release is older
    (ARGUMENT, OWN, "WHL506"),
    (UNKNOWN, PACKAGE.format("mmdet"), "WHL506"),
]


@pytest.mark.parametrize("error, before, rule", RULES)
def test_the_rule_is_of_who_asks(error: str, before: str, rule: str | None) -> None:
    assert told(error, before).rule == rule
