"""Sources without the bodies of their functions: against what ast makes of the whole."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest

from gpufix.source.python.skeleton import skeleton
from gpufix.source.python.tree import NotPython

SOURCES = {
    "no function": "x = 1\n",
    "one": "def f():\n    return 1\nx = f()\n",
    "two in a class": "class A:\n    def f(self):\n        x = 1\n\n        return x\n    # g\n"
    "    def g(self): return 2\n\ny = 3\n",
    "a header of several lines": "def f(\n    a,\n    b=(1, 2),\n) -> int:\n    return a\nx = 1\n",
    "a header with colons in it": "def f(a: int = 1, *, b: 'x:'):  # c:\n    pass\nx = 1\n",
    "a body in its line": "def f(): return 1\ndef g():\n    return 2\n",
    "a text at the edge": 'def f():\n    x = """\n a\nb\n"""\n    return x\ny = 1\n',
    "a function in a text": 'x = """\ndef f():\n    pass\n"""\ny = 1\n',
    "a bracket at the edge": "def f():\n    return (\n1,\n)\ny = 1\n",
    "a comment at the edge": "def f():\n    x = 1\n# c\n    return x\ny = 1\n",
    "a line that goes on": "def f():\n    x = 1 + \\\n2\n    return x\ny = 1\n",
    "a header that is aligned": "def f(a,\n      b=1):\n    return a\n\ndef g(\n    c\n):\n    pass\n",
    "a header with a bracket in a text": "def f(a='('):\n    return a\nx = 1\n",
    "a function in an open one": "class A:\n    def f(self):\n        pass\n\tx = 1\n".replace(
        "\tx", "    x"
    ),
    "a text's mark only in one": 'def f():\n    x = \'"""\'\n    return x\n\ndef g():\n    return 1\n',
    "no last line break": "def f():\n    return 1",
    "with tabs": "def f():\n\tif 1:\n\t\treturn 2\n\treturn 1\nx = 1\n",
    "functions in a function": "def f():\n    def g():\n        return 1\n    return g\nx = 1\n",
    "decorated, and not awaited": "@d(1)\nasync def f():\n    await g()\nx = 1\n",
}


def whole(text: str) -> ast.Module:
    """The tree that its skeleton and its functions make."""
    tree, functions = skeleton(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (late := functions.get(node.lineno)):
            node.args, node.body, node.returns = late.node.args, late.node.body, late.node.returns
    return tree


def shown(tree: ast.Module) -> str:
    """The tree as text, with the lines of statements.

    Left out is what is never run, and long texts: of code in them, bodies are missing.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            node.value = ""
        if isinstance(node, ast.AsyncFunctionDef):
            node.args, node.body, node.returns = ast.parse("def f(): ...").body[0].args, [], None
    lines = [(type(n).__name__, n.lineno) for n in ast.walk(tree) if isinstance(n, ast.stmt)]
    return f"{ast.dump(tree)} {lines}"


@pytest.mark.parametrize("name", SOURCES)
def test_it_is_the_whole_but_for_bodies(name: str) -> None:
    assert shown(whole(SOURCES[name])) == shown(ast.parse(SOURCES[name]))


@pytest.mark.slow
def test_it_is_so_of_the_standard_library() -> None:
    folder, late = Path(sysconfig.get_path("stdlib")), 0
    for path in sorted([*folder.glob("[a-d]*.py"), *folder.glob("json/*.py")]):
        text = path.read_text("utf-8")
        late += len(skeleton(text)[1])
        assert shown(whole(text)) == shown(ast.parse(text)), path
    assert late > 500


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(NotPython):
        skeleton("def f():\n    pass\n)\n")
