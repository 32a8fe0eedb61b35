"""The abstract run of a project's CMakeLists.txt: control flow, scopes and files. Nothing is executed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

from gpufix.source.builds import cmake_syntax
from gpufix.source.builds.cmake_commands import COMMANDS
from gpufix.source.builds.cmake_conditions import Condition
from gpufix.source.builds.cmake_names import OFF
from gpufix.source.builds.cmake_start import begin
from gpufix.source.builds.cmake_state import (
    Call,
    CMakeCall,
    CMakeState,
    Flow,
    Frame,
    Routine,
)
from gpufix.source.builds.cmake_store import MISSING, Changes, Fatal, Left, Value, unknown, value
from gpufix.source.builds.cmake_syntax import Block, Command
from gpufix.source.builds.cmake_targets import close_folder, open_folder
from gpufix.source.builds.cmake_words import Word, elements
from gpufix.source.builds.run import UNKNOWN_PART, Ending

_STEPS, _CALLS, _ROUNDS = 20_000, 40, 3_000
_LARGEST_FILE = 2 << 20
_GIVEN = re.compile(r"(?!CMAKE_)[A-Za-z][\w-]*(?<!_FOUND)")


class CMakeRun(CMakeState):
    """One run. After `follow()`, `store` holds what it has written."""

    def __init__(self, call: CMakeCall) -> None:
        super().__init__(call)
        self._calls = self._steps = 0
        self._scripts: dict[str, cmake_syntax.Script | None] = {}

    # What happens

    def follow(self) -> None:
        """Run the CMakeLists.txt of the source folder."""
        begin(self)
        try:
            flow = self.enter_folder(self.call.source, self.binary_root)
        except (Fatal, RecursionError):
            self.whole = False
            return
        if flow != "fatal":
            self.endings.append(Ending("done", self.here))

    # Files and folders

    def script(self, path: str) -> cmake_syntax.Script | None:
        """A CMake file as blocks; None where it cannot be read."""
        if path not in self._scripts:
            text = self.text(path)
            read = text is not None and len(text) <= _LARGEST_FILE
            self._scripts[path] = (
                cmake_syntax.script_once(text) if read and text is not None else None
            )
        return self._scripts[path]

    def enter_folder(self, folder: str, binary: str) -> Flow:
        """The CMakeLists.txt of a folder, in a scope of its own."""
        path = f"{folder}/CMakeLists.txt"
        outer, outer_folder = self.store.variables, self.folder
        scope = dict(outer)
        self.parents.append(outer)
        self.store.variables = scope
        self.folder = folder
        try:
            self.set("CMAKE_CURRENT_SOURCE_DIR", folder)
            self.set("CMAKE_CURRENT_BINARY_DIR", binary)
            open_folder(
                self, folder, self.relative(outer_folder) if len(self.parents) > 1 else None
            )
            flow = self.run_file(path)
            close_folder(self, folder)
            return flow
        finally:
            self.store.variables, self.folder = outer, outer_folder
            self.parents.pop()

    def run_file(self, path: str) -> Flow:
        """A file in the scope that calls it."""
        script = self.script(path)
        if script is None:
            self.unfollow(f"{self.relative(path)} cannot be read")
            return ""
        self.reads.setdefault(path)
        if self._calls >= _CALLS:
            raise Fatal
        outer = self.path, self._line, self.macros
        keep = {n: self.store.variables.get(n, MISSING) for n in _LISTED}
        self.path, self.macros = path, []
        self._calls += 1
        self.set("CMAKE_CURRENT_LIST_FILE", path)
        self.set("CMAKE_CURRENT_LIST_DIR", posixpath.dirname(path))
        try:
            with self._frame("routine"):
                if script.damage is not None:
                    self._line = script.damage
                    self.fail("the file cannot be parsed", "parse error")
                return self._ended(self._nodes(script.nodes))
        finally:
            self._calls -= 1
            self.path, self._line, self.macros = outer
            for name, old in keep.items():
                self.store.put(self.store.variables, name, old)

    # Nodes

    def _nodes(self, nodes: Sequence[Any]) -> Flow:
        for node in nodes:
            flow = self._block(node) if isinstance(node, Block) else self._command(node)
            if flow:
                return flow
        return ""

    def _command(self, command: Command) -> Flow:
        self._steps += 1
        if self._steps > _STEPS:
            raise Fatal
        self._line = command.line
        at = (self.path, command.line)
        self.ran[at] = self.ran.get(at, False) or self.sure
        call = Call(command.name, self.words(command), self.place(command.line), command)
        match call.name:
            case "return" | "break" | "continue":
                return _FLOWS[call.name]
            case "message":
                return self._message(call)
        return self.call_command(call)

    def call_command(self, call: Call) -> Flow:
        """A command or routine by its name."""
        if routine := self.store.routines.get(call.name):
            return self.call_routine(routine, call)
        handler = COMMANDS.get(call.name)
        if handler is not None:
            return handler(self, call) or ""
        self._foreign(call)
        return ""

    def _message(self, call: Call) -> Flow:
        first = call.texts[:1]
        if first in (["FATAL_ERROR"], ["SEND_ERROR"]):
            self.fail("".join(call.texts[1:]))
            return "fatal" if first == ["FATAL_ERROR"] else ""
        return ""

    def _foreign(self, call: Call) -> None:
        """A command that the project does not define: it may set what its arguments name."""
        for word in call.words:
            for name in (word.text,) if len(word.text) < 100 else ():
                if re.fullmatch(r"[A-Za-z_]\w*", name):
                    old = self.store.variables.get(name)
                    self.put(name, unknown((call.place,), (old.text,) if old else (), defined=None))
                    self.prefixes.add(f"{name}_")
        self.unfollow(f"{call.name}() is not followed")

    def _block(self, block: Block) -> Flow:
        head = block.parts[0][0]
        self._line = head.line
        at = (self.path, head.line)
        self.ran[at] = self.ran.get(at, False) or self.sure
        self._steps += 1
        if self._steps > _STEPS:
            raise Fatal
        match head.name:
            case "if":
                return self._if(block)
            case "foreach":
                return self._foreach(block)
            case "while":
                return self._while(block)
            case "block":
                return self._scope(block)
        words = [word.text for word in self.words(head)]
        if words:
            kind: Literal["function", "macro"] = "function" if head.name == "function" else "macro"
            routine = Routine(kind, tuple(words[1:]), block.parts[0][1], self.path)
            self.store.put(self.store.routines, words[0].lower(), routine)
        return ""

    # Conditions

    def _if(self, block: Block) -> Flow:
        unsure: list[tuple[str, Sequence[Any]]] = []  # branches that may be the one
        doubt = ""
        for index, (head, body) in enumerate(block.parts):
            self._line = head.line
            holds = True if head.name == "else" else self.condition(head)
            if holds is False:
                continue
            if holds is True and not unsure:
                return self._branch([each for each, _ in block.parts[: index + 1]], body)
            doubt = doubt if head.name == "else" and doubt else self.doubt(head)
            unsure.append((doubt if head.name != "else" else f"else of {doubt}", body))
            if holds is True:
                return self._either(unsure)
        return self._either([*unsure, ("", ())]) if unsure else ""

    def _branch(self, heads: Sequence[Command], body: Sequence[Any]) -> Flow:
        """The branch of an if() that is taken; a variable that a caller may give decides."""
        outer, self.lacks = self.lacks, ""
        for head in heads:
            words = [a.text for a in head.arguments if a.text not in ("NOT", "DEFINED")]
            if len(words) == 1 and _GIVEN.fullmatch(words[0]) and words[0] not in OFF:
                self.lacks = self.lacks if self.read(words[0]).text else words[0]
        try:
            return self._nodes(body)
        finally:
            self.lacks = outer

    def condition(self, head: Command) -> bool | None:
        """What an if(), elseif() or while() says."""
        return Condition(self.words(head), self).holds()

    def doubt(self, head: Command) -> str:
        """A condition that only a run would tell, as a reader sees it."""
        shown = " ".join(a.text if a.kind != "quoted" else f'"{a.text}"' for a in head.arguments)
        place = self.place(head.line)
        return f"{place.path}:{place.line}: {shown[:120]}"

    def _either(self, branches: list[tuple[str, Sequence[Any]]]) -> Flow:
        """Each branch from the same state; then what any of them may have left."""
        ends: list[tuple[Flow, Changes]] = []
        for doubt, body in branches:
            ends.append(self.aside(doubt, partial(self._nodes, body)) if body else ("", {}))
        return self.reunite(ends)

    def aside(self, doubt: str, act: Callable[[], Flow]) -> tuple[Flow, Changes]:
        """What an act would write, and how it ends; nothing of it stays."""
        mark, depth = self.store.mark(), len(self.doubts)
        early = [(frame, len(frame.left)) for frame in self._frames]
        self.doubts.append(doubt)
        try:
            flow = act()
        finally:
            del self.doubts[depth:]
        changes = self.store.since(mark)
        for frame, count in early:
            frame.left[count:] = [self.store.rebased(left, mark) for left in frame.left[count:]]
        self.store.back_to(mark)
        return flow, changes

    def reunite(self, ends: list[tuple[Flow, Changes]]) -> Flow:
        """Go on after branches: as those that go on; those that leave are kept until then."""
        going = [changes for flow, changes in ends if flow == ""]
        leaving = [
            (flow, changes) for flow, changes in ends if flow in ("return", "break", "continue")
        ]
        if not going:
            if not leaving:
                return "fatal"
            self.store.merge([changes for _, changes in leaving])
            return leaving[0][0]
        mark = self.store.mark()
        for flow, changes in leaving:
            frame = self._leaves(flow)
            frame.left.append(Left(mark, changes, flow))
        self.store.merge(going)
        return ""

    def _leaves(self, flow: Flow) -> Frame:
        kind = "routine" if flow == "return" else "loop"
        return next((f for f in reversed(self._frames) if f.kind == kind), self._frames[0])

    @contextmanager
    def _frame(self, kind: Literal["routine", "loop"]) -> Iterator[Frame]:
        frame = Frame(kind, [])
        self._frames.append(frame)
        try:
            yield frame
        finally:
            self._frames.pop()

    def _ended(self, flow: Flow) -> Flow:
        """A frame has run to its end: join with the ways that left it early."""
        frame = self._frames[-1]
        while frame.left:
            left = frame.left.pop()
            if flow == "fatal":
                self.store.resume(left)
                flow = ""
            else:
                self.store.rejoin(left)
        return "" if flow in ("return", "break", "continue") else flow

    # Loops

    def _foreach(self, block: Block) -> Flow:
        head, body = block.parts[0]
        words = self.words(head)
        if not words:
            return ""
        names, items = _rounds(self, words)
        old = {name: self.store.variables.get(name, MISSING) for name in names}
        with self._frame("loop"):
            flow = self._each(names, items, body, head)
        for name, before in old.items():
            self.store.put(self.store.variables, name, before)
        return flow

    def _each(
        self, names: list[str], items: list[tuple[Word, ...]], body: Sequence[Any], head: Command
    ) -> Flow:
        frame = self._frames[-1]
        for item in items[:_ROUNDS]:
            for name, word in zip(names, item, strict=False):
                self.put(name, value(word.text, (*word.places, self.place(head.line))))
            if any(word.open and word.text == UNKNOWN_PART for word in item):
                flow = self._perhaps(body, head)
            else:
                flow = self._nodes(body)
            flow = self._rejoined(frame, flow, "continue")
            if flow == "break":
                break
            if flow in ("return", "fatal"):
                return flow
        if len(items) > _ROUNDS:
            raise Fatal
        self._rejoined(frame, "", "break")
        return ""

    def _rejoined(self, frame: Frame, flow: Flow, kind: str) -> Flow:
        """At the end of a round: join with the ways that ended it early."""
        kept = []
        for left in reversed(frame.left):
            if left.flow != kind:
                kept.append(left)
            elif flow == "fatal":
                self.store.resume(left)
                flow = ""
            else:
                self.store.rejoin(left)
        frame.left[:] = list(reversed(kept))
        return "" if flow == kind else flow

    def _perhaps(self, body: Sequence[Any], head: Command) -> Flow:
        """Any number of rounds: two of them show what may come of more."""
        doubt = self.doubt(head)
        for _ in range(2):
            ends = [self.aside(doubt, lambda: self._nodes(body)), ("", {})]
            ends = [("" if f in ("break", "continue") else f, c) for f, c in ends]
            flow = self.reunite(ends)
            if flow:
                return flow
        return ""

    def _while(self, block: Block) -> Flow:
        head, body = block.parts[0]
        with self._frame("loop") as frame:
            for _ in range(_ROUNDS):
                self._line = head.line
                holds = self.condition(head)
                if holds is None:
                    return self._perhaps(body, head)
                if not holds:
                    break
                flow = self._rejoined(frame, self._nodes(body), "continue")
                if flow == "break":
                    break
                if flow in ("return", "fatal"):
                    return flow
            self._rejoined(frame, "", "break")
        return ""

    def _scope(self, block: Block) -> Flow:
        """block(): a scope of variables."""
        words = [word.text for word in self.words(block.parts[0][0])]
        spread = words[words.index("PROPAGATE") + 1 :] if "PROPAGATE" in words else []
        outer = self.store.variables
        self.store.variables = dict(outer)
        self.parents.append(outer)
        try:
            flow = self._nodes(block.parts[0][1])
            made = {name: self.store.variables.get(name, MISSING) for name in spread}
        finally:
            self.store.variables = outer
            self.parents.pop()
        for name, new in made.items():
            self.store.put(outer, name, new)
        return flow

    # Routines

    def call_routine(self, routine: Routine, call: Call) -> Flow:
        """A function or macro of the project."""
        if self._calls >= _CALLS:
            raise Fatal
        if not routine.sure or routine.others:
            doubt = f"{call.place.path}:{call.place.line}: which {call.name}() is defined"
            each = [routine._replace(sure=True, others=()), *routine.others]
            ends = [self.aside(doubt, partial(self.call_routine, one, call)) for one in each]
            return self.reunite(ends if routine.sure else [*ends, ("", {})])
        self._calls += 1
        outer_path, outer_line = self.path, self._line
        try:
            if routine.kind == "macro":
                return self._macro(routine, call)
            return self._function(routine, call)
        finally:
            self._calls -= 1
            self.path, self._line = outer_path, outer_line

    def _function(self, routine: Routine, call: Call) -> Flow:
        outer, macros = self.store.variables, self.macros
        self.parents.append(outer)
        self.store.variables = dict(outer)
        self.macros = []
        self.path = routine.path
        try:
            for name, new in _arguments(routine, call).items():
                self.store.put(self.store.variables, name, new)
            with self._frame("routine"):
                return self._ended(self._nodes(routine.body))
        finally:
            self.store.variables, self.macros = outer, macros
            self.parents.pop()

    def _macro(self, routine: Routine, call: Call) -> Flow:
        self.macros.append(_arguments(routine, call))
        self.path = routine.path
        try:
            return self._nodes(routine.body)
        finally:
            self.macros.pop()

    def test(self, operator: str, text: str) -> bool | None:
        """EXISTS, COMMAND, TARGET … in if()."""
        match operator:
            case "EXISTS" | "IS_DIRECTORY":
                return self._there(operator, text)
            case "IS_ABSOLUTE":
                return text.startswith("/")
            case "TARGET":
                if target := self.store.targets.get(text):
                    return True if target.sure else None
                return None if "::" in text or self.unfollowed else False
            case "COMMAND":
                known = text.lower() in COMMANDS or text.lower() in self.store.routines
                return True if known else None
            case "POLICY":
                return None
        return None

    def _there(self, operator: str, text: str) -> bool | None:
        if not text:
            return False
        if not text.startswith("/"):
            return None if operator == "IS_DIRECTORY" else False
        path = posixpath.normpath(text)
        if not self.inside(path) or self.is_awaited(path):
            return None
        return self.exists(path) if operator == "EXISTS" else self.world.files.is_folder(path)


_LISTED = ("CMAKE_CURRENT_LIST_FILE", "CMAKE_CURRENT_LIST_DIR")
_FLOWS: dict[str, Flow] = {"return": "return", "break": "break", "continue": "continue"}


def _arguments(routine: Routine, call: Call) -> dict[str, Value]:
    """ARGC, ARGV, ARGN, ARGV<n> and the parameters. After an open argument none is known."""
    found: dict[str, Value] = {}
    words = list(call.words)
    opened = next(
        (n for n, word in enumerate(words) if word.open and word.text == UNKNOWN_PART), None
    )
    for n, name in enumerate(routine.parameters):
        if opened is not None and n >= opened:
            found[name] = unknown((call.place,), defined=None)
        elif n < len(words):
            found[name] = value(words[n].text, (*words[n].places, call.place))
    for n, word in enumerate(words[:opened]):
        found[f"ARGV{n}"] = value(word.text, (*word.places, call.place))
    rest = words[len(routine.parameters) :]
    found["ARGV"] = _list_of(words, call)
    found["ARGN"] = _list_of(rest, call)
    found["ARGC"] = unknown((call.place,)) if opened is not None else value(str(len(words)))
    return found


def _list_of(words: Sequence[Word], call: Call) -> Value:
    places = (*(place for word in words for place in word.places), call.place)
    return value(";".join(word.text for word in words), places)


def _rounds(run: CMakeRun, words: Sequence[Word]) -> tuple[list[str], list[tuple[Word, ...]]]:
    """The loop variables and their values round by round."""
    texts = [word.text for word in words]
    if "IN" in texts[1:]:
        at = texts.index("IN", 1)
        names = texts[:at]
        if texts[at + 1 : at + 2] == ["ZIP_LISTS"]:
            return _zipped(run, names, texts[at + 2 :])
        return names, [(word,) for word in _in(run, words[at + 1 :])]
    if texts[1:2] == ["RANGE"]:
        if not all(re.fullmatch(r"-?\d{1,9}", text) for text in texts[2:]) or len(texts) < 3:
            return [texts[0]], [(Word(UNKNOWN_PART, False),)]
        bounds = [int(text) for text in texts[2:5]]
        start, stop = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2] if len(bounds) == 3 and bounds[2] else (1 if stop >= start else -1)
        numbers = range(start, stop + (1 if step > 0 else -1), step)
        return [texts[0]], [(Word(str(n), True),) for n in numbers[: _ROUNDS + 1]]
    return [texts[0]], [(word,) for word in words[1:]]


def _in(run: CMakeRun, words: Sequence[Word]) -> list[Word]:
    """The items after IN."""
    items: list[Word] = []
    mode = ""
    for word in words:
        if word.text in ("LISTS", "ITEMS") and not word.quoted:
            mode = word.text
        elif mode == "ITEMS":
            items.append(word)
        elif not word.known:
            items.append(Word(UNKNOWN_PART, False, word.places))
        else:
            found = run.read(word.text)
            text = found.text if found.defined is not None else UNKNOWN_PART
            items += [Word(part, part != UNKNOWN_PART, found.places) for part in elements(text)]
    return items


def _zipped(
    run: CMakeRun, names: list[str], lists: list[str]
) -> tuple[list[str], list[tuple[Word, ...]]]:
    if len(names) == 1 and len(lists) > 1:
        names = [f"{names[0]}_{n}" for n in range(len(lists))]
    columns = [_in(run, [Word("LISTS", False), Word(name, True)]) for name in lists]
    if any(word.text == UNKNOWN_PART for column in columns for word in column):
        return names, [tuple(Word(UNKNOWN_PART, False) for _ in names)]
    longest = max((len(column) for column in columns), default=0)
    empty = Word("", True)
    return names, [
        tuple(column[n] if n < len(column) else empty for column in columns) for n in range(longest)
    ]
