"""Files that stand in the place of a module of Python's."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain


def told(text: str) -> Explanation:
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    return answer.primary


LACKS = "ImportError: cannot import name 'HfApi' from 'huggingface_hub' (/env/lib/python3.11/site-packages/huggingface_hub/__init__.py)"


def raised(code: str, path: str) -> str:
    return (
        f'Traceback (most recent call last):\n  File "/src/eval/__main__.py", line 3, in <module>\n    {code}\n'
        f'  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed\n'
        f'  File "{path}", line 1, in <module>\n    from huggingface_hub import HfApi\n{LACKS}\n'
    )


SILENT = {
    "a relative import": raised("from .logging import x", "/src/eval/logging/__init__.py"),
    "a module of the program alone": raised("import tracker", "/src/eval/tracker.py"),
    "a package's own file of that name": raised(
        "import logging", "/env/lib/python3.11/site-packages/eval/logging.py"
    ),
    "Python's own file": raised("import logging", "/usr/lib/python3.11/logging/__init__.py"),
    "Python's own file on Windows": "ImportError: cannot import name 'Mapping' from 'collections' "
    "(C:\\Miniconda3\\lib\\collections\\__init__.py)",
    "a library that is half imported": "AttributeError: partially initialized module 'pandas' has no attribute 'core' "
    "(most likely due to a circular import)",
}


@pytest.mark.parametrize("case", SILENT)
def test_no_file_is_called_a_shadow(case: str) -> None:
    assert "bears the name" not in told(SILENT[case]).what


FIRING = {
    "/src/eval/logging/__init__.py": raised("import logging", "/src/eval/logging/__init__.py"),
    "/src/eval/types.py": raised("from types import NoneType", "/src/eval/types.py"),
    "/src/token.py": "ImportError: cannot import name 'EXACT_TOKEN_TYPES' from 'token' (/src/token.py)",
    "/src/torch.py": "AttributeError: module 'torch' has no attribute 'Tensor' (consider renaming '/src/torch.py' if it has the "
    "same name as a library you intended to import)",
    "random.py": "AttributeError: partially initialized module 'random' has no attribute 'choice' (most likely due to a circular "
    "import)",
}


@pytest.mark.parametrize("path", FIRING)
def test_the_file_is_named(path: str) -> None:
    shown = told(FIRING[path])
    assert shown.what.startswith(path) and shown.rule is None
    assert "Rename it" in shown.do
