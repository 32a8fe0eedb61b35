"""Edits of Python sources; each result is parsed before it is handed out."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from gpufix.source.arch_flags import UNKNOWN, parse, without
from gpufix.source.cxx_standards import flags
from gpufix.source.edits import Edit, Offsets, applied
from gpufix.source.python.flags import Flag, nvcc_flags, strings
from gpufix.source.python.tree import NotPython, Tree, dotted_name

ABI = "_GLIBCXX_USE_CXX11_ABI"
_PLAIN = re.compile(r"(['\"])(?!\1)[^'\"\\%{}\n]*\1")


def follow_arch_list(text: str, lines: Collection[int], variable: str) -> str | None:
    """Flags of architectures on these lines give way to a variable; None when their form is not known.

    A list's elements become `*([] if os.environ.get(VARIABLE) else [...])`, a statement that
    appends one gets an `if not os.environ.get(VARIABLE):`.
    """
    tree, offsets = Tree(text), Offsets(text)
    found = [f for f in nvcc_flags(tree) if f.node.lineno in lines and any(map(parse, f.texts))]
    found = [f for f in found if f"!env:{variable}" not in f.guards]
    edits: list[Edit] = []
    split = [flag for flag in found if isinstance(flag.node, ast.Call)]
    for flag in split:
        shorter = _split(text, offsets, flag.node, variable)
        if shorter is None:
            return None
        edits.append(shorter)
    apart = [flag for flag in found if flag not in split]
    for container in dict.fromkeys(tree.parents[flag.node] for flag in apart):
        if isinstance(container, (ast.List, ast.Tuple)):
            edits += _in_list(text, offsets, container, found, variable)
        elif isinstance(container, ast.ListComp):
            start, end = offsets.of(container)
            unset = f'([] if os.environ.get("{variable}") else {text[start:end]})'
            edits.append(Edit(start, end, unset))
        elif isinstance(container, ast.Call) and (
            edit := _appending(tree, text, offsets, container, variable)
        ):
            edits += edit
        else:
            return None
    return finished(text, tree, edits, "os") if edits else None


def _split(text: str, offsets: Offsets, node: ast.expr, variable: str) -> Edit | None:
    """ "a -gencode=… b".split() and shlex.split("…") of one literal: without the architectures."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    is_shlex = ast.unparse(node.func) == "shlex.split"
    given = node.args[:1] if is_shlex else [node.func.value]
    literal = given[0] if given else None
    plain = node.func.attr == "split" and len(node.args) == is_shlex and not node.keywords
    if not plain or not isinstance(literal, ast.Constant) or not isinstance(literal.value, str):
        return None
    rest = without(literal.value)
    if rest is None:
        return None
    start, end = offsets.of(node)
    low, high = offsets.of(literal)
    unset = text[start:low] + repr(rest) + text[high:end]
    changed = f'({unset} if os.environ.get("{variable}") else {text[start:end]})'
    return Edit(start, end, changed)


def _in_list(
    text: str, offsets: Offsets, node: ast.List | ast.Tuple, found: list[Flag], variable: str
) -> list[Edit]:
    """Runs of neighbouring elements; a lone "-gencode" belongs to the element after it."""
    chosen = {id(flag.node) for flag in found}
    member = [id(e) in chosen for e in node.elts]
    for index, element in enumerate(node.elts[:-1]):
        alone = isinstance(element, ast.Constant) and element.value in ("-gencode", "-arch")
        member[index] = member[index] or (alone and member[index + 1])
    edits, index = [], 0
    while index < len(member):
        last = index
        while last < len(member) and member[last]:
            last += 1
        if last > index:
            start, end = offsets.of(node.elts[index])[0], offsets.of(node.elts[last - 1])[1]
            unset = f'*([] if os.environ.get("{variable}") else [{text[start:end]}])'
            edits.append(Edit(start, end, unset))
        index = max(last, index + 1)
    return edits


def _appending(
    tree: Tree, text: str, offsets: Offsets, call: ast.Call, variable: str
) -> list[Edit] | None:
    """x.append("arch=…") as a line of its own, with the x.append("-gencode") before it."""
    statement = tree.parents.get(call)
    owner = tree.parents.get(statement) if statement else None
    body = (
        next((b for _, b in ast.iter_fields(owner) if isinstance(b, list) and statement in b), None)
        if owner
        else None
    )
    if not isinstance(statement, ast.Expr) or body is None:
        return None
    rows: list[ast.stmt] = [statement]
    index = body.index(statement)
    if index and ast.unparse(body[index - 1]).endswith(".append('-gencode')"):
        rows.insert(0, body[index - 1])
    edits = []
    for row in rows:
        start = offsets.of(row)[0]
        if text[offsets.line_start(row.lineno) : start].strip():
            return None
        edits.append(Edit(start, start, f'if not os.environ.get("{variable}"): '))
    return edits


def set_default(text: str, line: int, name: str) -> str | None:
    """os.environ["NAME"] = value becomes os.environ.setdefault("NAME", value)."""
    tree, offsets = Tree(text), Offsets(text)
    for node in tree.nodes:
        if not isinstance(node, ast.Assign) or node.lineno != line or len(node.targets) != 1:
            continue
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith("environ"):
            start, end = offsets.of(node)
            low, high = offsets.of(node.value)
            owner = ast.unparse(target.value)
            edit = Edit(start, end, f'{owner}.setdefault("{name}", {text[low:high]})')
            return finished(text, tree, [edit])
    return None


def follow_torch_abi(text: str, lines: Collection[int]) -> str | None:
    """The fixed ABI on these lines becomes the installed torch's; None where torch is not imported."""
    tree, offsets = Tree(text), Offsets(text)
    bound = [] if _binds(tree, "torch") else _beside_other_imports(tree, offsets, text)
    if bound is None:
        return None
    value = f"int(torch._C.{ABI})"
    edits: list[Edit] = []
    for node in tree.nodes:
        if not isinstance(node, ast.expr) or node.lineno not in lines:
            continue
        start, end = offsets.of(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(rf"-D\s?{ABI}=[01]", node.value) is None:
                continue
            if not _PLAIN.fullmatch(text[start:end]):
                return None
            changed = re.sub(rf"({ABI}=)[01]", r"\g<1>%d", text[start:end])
            edits.append(Edit(start, end, f"({changed} % {value})"))
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            name = node.elts[0]
            if isinstance(name, ast.Constant) and name.value == ABI:
                low, high = offsets.of(node.elts[1])
                edits.append(Edit(low, high, f"str({value})"))
    return finished(text, tree, [*bound, *edits]) if edits else None


def rename(text: str, lines: Collection[int], old: str, new: str) -> str | None:
    """An attribute on these lines: `old` is its dotted end ("np.float" or ".total_mem")."""
    tree, offsets = Tree(text), Offsets(text)
    edits = []
    for node in tree.nodes:
        if not isinstance(node, ast.Attribute) or node.lineno not in lines:
            continue
        start, end = offsets.of(node)
        if old.startswith("."):
            if f".{node.attr}" == old:
                edits.append(Edit(end - len(node.attr), end, new))
        elif text[start:end] == old:
            edits.append(Edit(start, end, new))
    return finished(text, tree, edits) if edits else None


def set_literal(text: str, line: int, call: str, argument: str, value: str) -> str | None:
    """A string argument of a call on a line: f(argument='old') becomes f(argument='value')."""
    tree, offsets = Tree(text), Offsets(text)
    for node in tree.nodes:
        if not isinstance(node, ast.Call) or node.lineno != line:
            continue
        if not ast.unparse(node.func).endswith(call):
            continue
        for keyword in node.keywords:
            plain = isinstance(keyword.value, ast.Constant)
            if keyword.arg == argument and plain:
                start, end = offsets.of(keyword.value)
                quote = text[start] if text[start] in "'\"" else '"'
                return finished(text, tree, [Edit(start, end, f"{quote}{value}{quote}")])
    return None


def finished(text: str, tree: Tree, edits: list[Edit], needs: str = "") -> str | None:
    """The edited text, with an import when it needs one; None when it no longer parses."""
    if needs and not _binds(tree, needs):
        edits = [*edits, _import(text, tree, needs)]
    try:
        changed = applied(text, edits)
        Tree(changed)
    except (ValueError, NotPython):
        return None
    return changed


def _binds(tree: Tree, module: str) -> bool:
    """Whether `import module` stands at the top of the file."""
    return any(
        isinstance(node, ast.Import)
        and any(alias.name == module and not alias.asname for alias in node.names)
        for node in tree.module.body
    )


def may_bind(tree: Tree, module: str) -> bool:
    """Whether it stands in a `try` or an `if` at the top of the file: what runs without it must be asked."""
    if tree.assigned.get(module):  # torch = None
        return False
    nested = (node for node in tree.module.body if isinstance(node, (ast.Try, ast.If)))
    return any(
        isinstance(inner, ast.Import)
        and any(a.name == module and not a.asname for a in inner.names)
        for node in nested
        for inner in ast.walk(node)
    )


def _beside_other_imports(tree: Tree, offsets: Offsets, text: str) -> list[Edit] | None:
    """`import torch` before the first `from torch… import`: it runs torch anyway. None without."""
    newline = "\r\n" if "\r\n" in text else "\n"
    for node in tree.module.body:
        if not isinstance(node, ast.ImportFrom) or node.level:
            continue
        if (node.module or "").partition(".")[0] == "torch":
            start = offsets.line_start(node.lineno)
            return [Edit(start, start, f"import torch{newline}")]
    return None


def _import(text: str, tree: Tree, module: str) -> Edit:
    """Before the first statement that is neither the docstring nor from __future__."""
    newline = "\r\n" if "\r\n" in text else "\n"
    for node in tree.module.body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        documents = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not future and not documents:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            start = Offsets(text).line_start(first)
            return Edit(start, start, f"import {module}{newline}")
    return Edit(len(text), len(text), f"{newline}import {module}{newline}")


def call_on(text: str, line: int, expression: str, suffix: str) -> str | None:
    """An argument on a line gets a method call: f(x) becomes f(x.float())."""
    tree, offsets = Tree(text), Offsets(text)
    for node in tree.nodes:
        if not isinstance(node, ast.Call):
            continue
        for value in [*node.args, *(k.value for k in node.keywords)]:
            simple = isinstance(value, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
            if simple and value.lineno == line and ast.unparse(value)[:80] == expression:
                end = offsets.of(value)[1]
                return finished(text, tree, [Edit(end, end, suffix)])
    return None


def forced_by(text: str, variable: str) -> str | None:
    """Each question for a visible GPU is answered with yes where a variable is "1"."""
    tree, offsets = Tree(text), Offsets(text)
    edits = []
    for node in tree.each(ast.Call):
        if dotted_name(node.func) == "torch.cuda.is_available" and not node.args:
            start, end = offsets.of(node)
            asked = f'({text[start:end]} or os.environ.get("{variable}") == "1")'
            edits.append(Edit(start, end, asked))
    return finished(text, tree, edits, needs="os") if edits else None


# What torch's cpp_extension has added since 1.5 where a list for setup() has no -std=…, or newer.
_ADDED_BY_ALL = 14


def raise_standard(
    text: str, lines: Collection[int], in_setup: bool, needs: int, release: str
) -> str | None:
    """Flags on these lines that ask for an older C++ than `needs`; None when their form is not known.

    A list for setup() loses one that every torch adds itself; another is raised from a release on.
    """
    tree, offsets = Tree(text), Offsets(text)
    edits: list[Edit] = []
    asks = False
    for node, spelled in _old_standards(tree, lines, needs):
        start, end = offsets.of(node)
        known = text[start:end] if isinstance(node, ast.Constant) else spelled
        if not _PLAIN.fullmatch(known):
            return None
        found = list(flags(known))
        container = tree.parents[node]
        whole = len(found) == 1 and found[0][1] - found[0][0] == len(known) - 2
        if (
            in_setup
            and whole
            and found[0][3] <= _ADDED_BY_ALL
            and isinstance(container, (ast.List, ast.Tuple))
        ):
            edits.append(_dropped(text, offsets, container, node))
            continue
        newer = known
        for low, high, flag, _ in reversed(found):
            newer = newer[:low] + re.sub(r"\+\+\w+", f"++{needs}", flag) + newer[high:]
        major, minor = release.split(".")[:2]
        here = 'tuple(map(int, torch.__version__.split(".")[:2]))'
        changed = f"({newer} if {here} >= ({major}, {minor}) else {text[start:end]})"
        edits.append(Edit(start, end, changed))
        asks = True
    if asks and not _binds(tree, "torch") and not may_bind(tree, "torch"):
        bound = _beside_other_imports(tree, offsets, text)
        if bound is None:
            return None
        edits = [*bound, *edits]
    return finished(text, tree, edits) if edits else None


def _old_standards(
    tree: Tree, lines: Collection[int], needs: int
) -> list[tuple[ast.Constant | ast.JoinedStr, str]]:
    """The texts on these lines that ask for an older C++; of an f-string what it comes to, in quotes."""
    rows: list[tuple[ast.Constant | ast.JoinedStr, str]] = [
        (node, node.value) for node in tree.each(ast.Constant) if isinstance(node.value, str)
    ]
    for node in tree.each(ast.JoinedStr):
        values = [f'"{text}"' for text in strings(tree, node)]
        asked = [value for text in values for *_, value in flags(text)]
        if len(asked) == len(values) and max(asked) < needs and UNKNOWN not in "".join(values):
            rows.append((node, values[asked.index(max(asked))]))
    rows = [row for row in rows if row[0].lineno in lines]
    return [row for row in rows if any(found[3] < needs for found in flags(row[1]))]


def _dropped(text: str, offsets: Offsets, container: ast.List | ast.Tuple, node: ast.expr) -> Edit:
    """An element with the comma behind it, or the one before where it is the last."""
    start, end = offsets.of(node)
    index = container.elts.index(node)
    if index + 1 < len(container.elts):
        return Edit(start, offsets.of(container.elts[index + 1])[0], "")
    if index:
        return Edit(offsets.of(container.elts[index - 1])[1], end, "")
    behind = re.compile(r"\s*,").match(text, end)
    return Edit(start, behind.end() if behind else end, "")
