"""One Python file as plain facts: what it builds, which names it uses, what it chooses."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from gpufix.frozen import Frozen
from gpufix.source.arch_flags import UNKNOWN, codes, parse_word
from gpufix.source.cxx import build_files
from gpufix.source.cxx.build_files import NamedSource
from gpufix.source.python import dtypes, environ, half_flow, modules, standards
from gpufix.source.python.flags import nvcc_flags, strings
from gpufix.source.python.tree import Tree, dotted_name, of_build_file, parsed
from gpufix.source.source_facts import AbiFlag, NvccFlag, PythonFacts, RasteriserContext, is_setup
from gpufix.source.source_text import decode, word_filter

ABI = "_GLIBCXX_USE_CXX11_ABI"
_ABI_FLAG = re.compile(rf"-D\s?{ABI}=([01])")
_SUFFIX = re.compile(rb"\.(?:cu|cpp|cc|cxx|hip)\b")
_EXTENSION = re.compile(rb"cpp_extension\b")  # `cpp_extensions` are modules of others
_OTHERS = re.compile(rb"(?:from|import)\s+(?!torch\b)\w+\.utils\.cpp_extension\b")  # paddle's
_BACKENDS = ("RasterizeCudaContext", "RasterizeGLContext", "RastContext")


class PythonFile(Frozen):
    """`sources`: what the file builds, () = it names none; None = it is no build file."""

    facts: PythonFacts
    sources: tuple[NamedSource, ...] | None


class _Reader(Frozen):
    """`read` adds facts of a file in which `concerns` finds the words that it looks for.

    It is given the file, and the lines with its imports.
    """

    concerns: Callable[[bytes, bytes], bool]
    read: Callable[[PythonFacts, Tree], PythonFacts]


def _anywhere(holds: Callable[[bytes], bool]) -> Callable[[bytes, bytes], bool]:
    return lambda data, _: holds(data)


def _names_extension(data: bytes) -> bool:
    if b"cpp_extension" not in data or _EXTENSION.search(data) is None:
        return False
    return b"torch.utils" in data or _OTHERS.search(data) is None


def _names_abi(data: bytes) -> bool:
    return ABI.encode() in data


_names_context = word_filter(name.encode() for name in _BACKENDS)


def _setup(facts: PythonFacts, tree: Tree) -> PythonFacts:
    """Of a setup.py, whatever it holds."""
    return replace(
        facts,
        setup=modules.setup_name(tree),
        imports=modules.imported(tree),
    )


def _extension(facts: PythonFacts, tree: Tree) -> PythonFacts:
    return replace(
        facts,
        extension=modules.imports(tree, "torch.utils.cpp_extension"),
        nvcc=_nvcc(tree),
        detects=_names(tree, "get_device_capability"),
        knobs=environ.knobs(tree),
        standards=standards.standards(tree),
    )


def _names(tree: Tree, name: str) -> bool:
    """Whether a name stands in the code, of itself or of something."""
    attributes = (node.attr for node in tree.each(ast.Attribute))
    return name in attributes or any(node.id == name for node in tree.each(ast.Name))


def _names_sources(data: bytes) -> bool:
    return _names_extension(data) or (b"Extension(" in data and bool(_SUFFIX.search(data)))


_READERS = (
    _Reader(_anywhere(_names_abi), lambda facts, tree: replace(facts, abi=_abi(tree))),
    _Reader(
        _anywhere(_names_context), lambda facts, tree: replace(facts, backends=_backends(tree))
    ),
    _Reader(
        _anywhere(environ.may_write),
        lambda facts, tree: replace(facts, writes=environ.writes(tree)),
    ),
    _Reader(
        _anywhere(environ.may_choose),
        lambda facts, tree: replace(facts, choices=environ.choices(tree)),
    ),
    _Reader(
        modules.may_use_removed, lambda facts, tree: replace(facts, names=modules.removed(tree))
    ),
    _Reader(dtypes.may_hand_half, lambda facts, tree: replace(facts, half=dtypes.half_calls(tree))),
    _Reader(
        _anywhere(dtypes.may_have_device),
        lambda facts, tree: replace(facts, stale_device=dtypes.stale_devices(tree)),
    ),
)
# What is asked of the files of a whole project where one of them makes it matter.
WORDS: Mapping[str, Callable[[bytes], bool]] = {
    "float32": half_flow.may_sink,
    "half": half_flow.may_cast,
    "half models": half_flow.may_cast_all,
    "device": lambda data: b"self.device" in data and b"class " in data,
    "moves": dtypes.may_move_one,
}
_NOTHING = PythonFile(PythonFacts(), None)


def scan(data: bytes, path: str, folder: str) -> PythonFile:
    """Facts of one file; most are not parsed.

    path: as given, for its name; folder: the absolute one that holds it. Raises tree.NotPython,
    source_text.NotText.
    """
    extends = b"xtension" in data  # most have nothing of it
    builds = extends and _names_sources(data)
    imports = modules.import_lines(data)
    readers = [reader.read for reader in _READERS if reader.concerns(data, imports)]
    if extends and _names_extension(data):
        readers.append(_extension)
    setup = is_setup(path)
    if setup:
        readers.append(_setup)
    if not readers and not builds:
        return _NOTHING
    tree = Tree(decode(data).text, folder, of_build_file if setup else parsed)
    sources = _sources(tree) if builds else None
    facts = PythonFacts()
    for read in readers:
        facts = read(facts, tree)
    return PythonFile(facts, sources)


def _sources(tree: Tree) -> tuple[NamedSource, ...]:
    """What looks like the path or the pattern of a C++ source."""
    rows: list[NamedSource] = []
    for node in tree.each(ast.Constant):
        if not isinstance(node.value, str) or isinstance(tree.parents.get(node), ast.Expr):
            continue
        for path in build_files.paths(node.value.encode("utf-8", "replace")):
            word = path.decode("utf-8", "replace")
            named = f"*{word}" if _ends(tree, node) else word
            rows.append(NamedSource(named, tuple(tree.guards(node))))
    return tuple(rows)


def _ends(tree: Tree, node: ast.AST) -> bool:
    """Whether names are asked whether they end with it: x.endswith(".cu")."""
    calls = (parent for parent, _ in tree.ancestors(node) if isinstance(parent, ast.Call))
    call = next(calls, None)
    return call is not None and getattr(call.func, "attr", "") == "endswith"


def _nvcc(tree: Tree) -> tuple[NvccFlag, ...]:
    """The flags that matter for architectures: those that name one, or contain "arch"."""
    rows = []
    flags = nvcc_flags(tree)
    listed = codes([flag.texts[0] for flag in flags])
    for flag in flags:
        named = tuple(a for text in flag.texts for a in parse_word(text, listed))
        if not named and not any("arch" in text for text in flag.texts):
            continue
        text = flag.texts[0].replace(UNKNOWN, "…")
        rows.append(NvccFlag(flag.node.lineno, text, named, flag.guards))
    return tuple(rows)


def _abi(tree: Tree) -> tuple[AbiFlag, ...]:
    """-D_GLIBCXX_USE_CXX11_ABI=0 in a flag, ("_GLIBCXX_USE_CXX11_ABI", "0") as a macro."""
    rows = []
    nodes: list[ast.Constant | ast.Tuple] = [*tree.each(ast.Constant), *tree.each(ast.Tuple)]
    for node in nodes:
        value = None
        if isinstance(node, ast.Constant):
            found = _ABI_FLAG.search(node.value) if isinstance(node.value, str) else None
            documents = isinstance(tree.parents.get(node), ast.Expr)
            value = found.group(1) if found and not documents else None
        elif len(node.elts) == 2:
            name, digit = (strings(tree, e)[0] for e in node.elts)
            plain = node.elts[1]
            if isinstance(plain, ast.Constant) and isinstance(plain.value, int):
                digit = str(int(plain.value))
            value = digit if name == ABI and digit in ("0", "1") else None
        if value is not None:
            rows.append(AbiFlag(node.lineno, int(value), tuple(tree.guards(node))))
    return tuple(sorted(rows, key=lambda row: row.line))


def _backends(tree: Tree) -> tuple[RasteriserContext, ...]:
    """Rasteriser contexts that are made, with the back end named where it is a literal."""
    rows = []
    for node in tree.each(ast.Call):
        name = (dotted_name(node.func) or "").rpartition(".")[2]
        if name not in _BACKENDS:
            continue
        given = [k.value for k in node.keywords if k.arg == "backend"]
        value = strings(tree, given[0])[0] if given else None
        rows.append(
            RasteriserContext(
                line=node.lineno,
                call=name,
                backend=value if value and UNKNOWN not in value else None,
                guards=tuple(tree.guards(node)),
                tried=tree.tried(node),
            )
        )
    return tuple(sorted(rows, key=lambda row: row.line))
