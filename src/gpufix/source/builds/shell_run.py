"""What a shell script would run in one world. Nothing is executed.

Programs are taken to succeed; where a script asks whether one did, both ways are followed, and what
only one of them does hangs on that question.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from gpufix.source.builds import shell_builtins, shell_programs
from gpufix.source.builds.run import UNKNOWN_PART, EnvironmentWrite, Place
from gpufix.source.builds.shell_core import DEEPEST, TURNS, PythonPrints, ShellCore
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_state import (
    Exhausted,
    Leave,
    ShellCommand,
    ShellRun,
    Status,
    Unmatched,
    Value,
    joined,
)
from gpufix.source.builds.shell_syntax import (
    AndOr,
    Calculation,
    Case,
    CaseItem,
    Command,
    Counting,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Simple,
    Test,
)
from gpufix.source.builds.shell_tests import DoubleTest
from gpufix.source.builds.world import BuildWorld

_STEPS = 20_000  # commands
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:\+\w+)?")
_MOST_UNMATCHED = 50


class Runner(ShellCore):
    """One run, command by command."""

    # ---------------------------------------------------------------- result

    def whole(self, script: Script) -> ShellRun:
        """Runs it all."""
        try:
            self.script(script)
        except Leave:
            pass
        except (Exhausted, RecursionError):
            self.cut = True
        return ShellRun(
            path=self.path,
            commands=tuple(self.commands),
            writes=tuple(self.writes),
            plain=tuple(self.plain),
            missing=tuple(self.missing),
            origins=tuple(self.origins),
            final=self.state.environment(),
            unmatched=tuple(self.unmatched),
            asked=frozenset(self.asked),
            beyond=self.beyond,
            whole=not self.cut and script.error is None,
            error=script.error,
        )

    # -------------------------------------------------------------- commands

    def script(self, script: Script) -> None:
        """Lists one after another."""
        for each in script.lists:
            self.and_or(each)

    def and_or(self, each: AndOr) -> None:
        """a && b || c. A program that is not a question is taken to succeed."""
        self.pipeline(each.first)
        text = f"`{self._shown(each.first)}`" if each.rest else ""
        for operator, pipeline in each.rest:
            status = self.state.status
            if operator == "&&":
                if status is None:
                    self.maybe(f"if {text}", lambda p=pipeline: self.pipeline(p))  # type: ignore[misc]
                elif status is not False:
                    self.pipeline(pipeline)
            elif status is False:
                self.pipeline(pipeline)
            elif status is not True and not (self.stops and status == "done"):
                self.maybe(f"unless {text}", lambda p=pipeline: self.pipeline(p))  # type: ignore[misc]
                self.state.status = status
            text = f"`{self._shown(pipeline)}`"
        if each.background:
            self.state.status = True

    def _shown(self, pipeline: Pipeline) -> str:
        """The line on which a command stands."""
        return f"{self.file}:{pipeline.line}: {self._text_of(pipeline.line)}"

    def pipeline(self, each: Pipeline) -> None:
        """Each command reads what the one before prints."""
        if len(each.commands) == 1:
            self.command(each.commands[0])
        else:
            given = self._given
            outer = self.state
            for command in each.commands[:-1]:
                self.state = outer.copy()
                text = self._captured(lambda c=command: self._alone(c))  # type: ignore[misc]
                outer.left = self.state.left
                outer.opaque |= self.state.opaque
                outer.made |= self.state.made
                self._given = [None if text == UNKNOWN_PART else text]
            self.state = outer.copy()
            self._alone(each.commands[-1])
            outer.status, outer.left = self.state.status, self.state.left
            outer.opaque |= self.state.opaque
            outer.made |= self.state.made
            self.state = outer
            self._given = given
        if each.negated:
            status = self.state.status
            self.state.status = None if status in (None, "done") else not status

    def _alone(self, command: Command) -> None:
        """In a shell of its own."""
        try:
            self.command(command)
        except Leave as leave:
            self.state.status = leave.status

    def command(self, each: Command) -> None:
        """Any kind of command."""
        self._steps += 1
        if self._steps > _STEPS:
            raise Exhausted
        self.line = each.line
        match each:
            case Simple():
                self.simple(each)
            case If():
                self._if(each, 0)
            case Case():
                text = self.expander.text(each.word)
                self._note_unmatched(each, text)
                self._case(each, text, 0)
            case For():
                self._for(each)
            case Loop():
                self._loop(each)
            case Counting():
                self._counting(each)
            case Group():
                self._group(each)
            case Function():
                self.state.functions[each.name] = (each.body, self.file)
                self.state.status = True
            case Test():
                self.state.status = DoubleTest(self, each.tokens).answer()
            case Calculation():
                self.state.status = shell_builtins.calculated(self, each.text)
            case Redirected():
                self._redirected(each)

    def _redirected(self, each: Redirected) -> None:
        given, out = self._given, self._out
        try:
            self._redirect(each.redirects)
            self.command(each.command)
        finally:
            self._given, self._out = given, out

    def _redirect(self, redirects: Sequence[Redirect]) -> None:
        """Where a command reads and prints."""
        for each in redirects:
            text = self.expander.text(each.word)
            if each.operator in ("<<", "<<-"):
                self._given = [self.expander.text(each.document) if each.document else None]
            elif each.operator == "<<<":
                self._given = [text + "\n"]
            elif each.operator == "<":
                self._given = [self.read(text)]
            elif each.descriptor in ("", "1") and each.operator in (">", ">>", ">|", "&>", "&>>"):
                self._out = None
                self._makes(text)
            elif each.operator == ">&" and each.descriptor in ("", "1") and text != "1":
                self._out = None

    def _makes(self, path: str) -> None:
        if UNKNOWN_PART not in path:
            self.state.made.add(joined(self.state.folder, path))

    def _if(self, each: If, index: int) -> None:
        if index == len(each.clauses):
            self.state.status = True
            if each.otherwise:
                self.script(each.otherwise)
            return
        condition, body = each.clauses[index]
        self.script(condition)
        status = self.state.status
        if status is True:
            self.script(body)
        elif status is False:
            self._if(each, index + 1)
        else:
            first = condition.lists[0].first if condition.lists else None
            text = f"if `{self._shown(first)}`" if first else "if"
            self.fork([
                (text, lambda: self.script(body)),
                (f"not: {text}", lambda: self._if(each, index + 1)),
            ])  # fmt: skip

    def _case(self, each: Case, text: str, index: int) -> None:
        self.state.status = True
        while index < len(each.items):
            item = each.items[index]
            answers = [self.match(self.expander.pattern(p), text) for p in item.patterns]
            if True in answers:
                self._item(each, item, text, index)
                return
            if None in answers:
                at = f"if `{self.file}:{item.line}: {self._text_of(item.line)}`"
                self.fork([
                    (at, lambda i=index, t=item: self._item(each, t, text, i)),  # type: ignore[misc]
                    (f"not: {at}", lambda i=index: self._case(each, text, i + 1)),  # type: ignore[misc]
                ])  # fmt: skip
                return
            index += 1

    def _note_unmatched(self, each: Case, text: str) -> None:
        """Of a `case` on a version: a text with digits that only `*)` takes."""
        if not _VERSION.fullmatch(text) or len(self.unmatched) >= _MOST_UNMATCHED:
            return
        patterns = [self.expander.pattern(p) for item in each.items for p in item.patterns]
        own = [pattern for pattern in patterns if pattern != "*"]
        if own and not any(self.match(pattern, text) is not False for pattern in own):
            place = Place(self.file, each.line)
            self.unmatched.append(Unmatched(place, text, tuple(own), self.state.conditions))

    def _item(self, each: Case, item: CaseItem, text: str, index: int) -> None:
        self.script(item.body)
        while item.ends == ";&" and index + 1 < len(each.items):
            index += 1
            item = each.items[index]
            self.script(item.body)
        if item.ends == ";;&":
            self._case(each, text, index + 1)

    def _text_of(self, line: int) -> str:
        rows = self.lines[self.file][line - 1 : line]
        return rows[0].strip()[:80] if rows else ""

    def _turn(self, body: Script) -> bool:
        """One turn of a loop: whether another may follow."""
        try:
            self.script(body)
        except Leave as leave:
            if leave.kind not in ("break", "continue"):
                raise
            if leave.count > 1:
                raise Leave(leave.kind, leave.count - 1) from None
            return leave.kind == "continue"
        return True

    def _for(self, each: For) -> None:
        before = self.state.left
        if each.words is None:
            values = self.state.arguments
            items = [UNKNOWN_PART] if values is None else list(values)
        else:
            items = self.expander.fields(each.words)
        text = f"for each of `{self.file}:{each.line}: {self._text_of(each.line)}`"
        for item in items[:TURNS]:
            self.state.variables[each.name] = item
            if item == UNKNOWN_PART or each.kind == "select":
                self.maybe(text, lambda: self._once(each.body))
                if each.kind == "select":
                    break
            elif not self._turn(each.body):
                break
        self._scope(("break", "continue"), before)

    def _once(self, body: Script) -> None:
        self._turn(body)

    def _loop(self, each: Loop) -> None:
        before = self.state.left
        for _ in range(TURNS):
            self.script(each.condition)
            status = self.state.status
            status = not status if each.until and isinstance(status, bool) else status
            if status is False:
                break
            if status is not True:
                first = each.condition.lists[0].first if each.condition.lists else None
                text = f"while `{self._shown(first)}`" if first else "while"
                self.maybe(text, lambda: self._once(each.body))
                break
            if not self._turn(each.body):
                break
        self.state.status = True
        self._scope(("break", "continue"), before)

    def _counting(self, each: Counting) -> None:
        before = self.state.left
        shell_builtins.calculated(self, each.parts[0])
        for _ in range(TURNS):
            status = (
                shell_builtins.calculated(self, each.parts[1]) if each.parts[1].strip() else True
            )
            if status is False:
                break
            if status is None:
                self.maybe(f"for `{self.file}:{each.line}`", lambda: self._once(each.body))
                break
            if not self._turn(each.body):
                break
            shell_builtins.calculated(self, each.parts[2])
        self._scope(("break", "continue"), before)

    def _group(self, each: Group) -> None:
        if not each.subshell:
            self.script(each.body)
            return
        outer, self.state = self.state, self.state.copy()
        try:
            self.script(each.body)
        except Leave as leave:
            self.state.status = leave.status
        inner, self.state = self.state, outer
        outer.status, outer.left = inner.status, inner.left
        outer.made |= inner.made
        outer.opaque |= inner.opaque

    # ---------------------------------------------------------------- simple

    def simple(self, each: Simple) -> None:
        """Assignments, and a word that names a function, a builtin or a program."""
        words = self.expander.fields(each.words)
        self.line = each.line
        given, out = self._given, self._out
        try:
            if each.redirects:
                self._redirect(each.redirects)
            if not words:
                self.state.status = True
                for assignment in each.assignments:
                    self.assignment(assignment, each.line)
                return
            self.invoke(each, words)
        finally:
            self._given, self._out = given, out

    def invoke(self, each: Simple, words: list[str]) -> None:
        """Runs a command whose words are expanded."""
        name = words[0]
        found = self.state.functions.get(name)
        builtin = shell_builtins.BUILTINS.get(name)
        if found is None and builtin is None:
            self._program(each, words)
            return
        before = self._set_for_one(each) if each.assignments else {}
        try:
            if found is not None:
                self.call(*found, words[1:])
            elif builtin is not None:
                self.state.status = builtin(self, each, words)
        finally:
            self._restore(before)

    def _restore(self, before: Mapping[str, Value | None]) -> None:
        for variable, value in before.items():
            if value is None:
                self.state.variables.pop(variable, None)
            else:
                self.state.variables[variable] = value

    def _set_for_one(self, each: Simple) -> dict[str, Value | None]:
        before = {a.name: self.state.variables.get(a.name) for a in each.assignments}
        for assignment in each.assignments:
            self.state.variables[assignment.name] = self._value(assignment)
        return before

    def call(self, body: Command, file: str, arguments: list[str]) -> None:
        """A function of the script."""
        self._depth += 1
        if self._depth > DEEPEST:
            self._depth -= 1
            raise Exhausted
        outer, before, at = self.state.arguments, self.state.left, self.file
        self.state.arguments, self.file = arguments, file
        self._kept.append({})
        try:
            self.command(body)
        except Leave as leave:
            if leave.kind == "exit":
                raise
            self.state.status = leave.status
        finally:
            self._depth -= 1
            self.state.arguments, self.file = outer, at
            self._restore(self._kept.pop())
        self._scope(("return", "break", "continue"), before)

    def source(self, path: str, arguments: list[str] | None) -> Status:
        """. FILE; None: what is in it is not known."""
        text = self.read(path)
        if text is None or self._depth > 8 or len(text) > 1 << 20:
            return "done"
        name = joined(self.state.folder, path)
        root = self.world.root.rstrip("/")
        file = name[len(root) + 1 :] if name.startswith(f"{root}/") else name
        script = parse(text)
        at, before, outer = self.file, self.state.left, self.state.arguments
        self.file, self.lines[file] = file, text.split("\n")
        self.state.arguments = arguments if arguments is not None else outer
        self._depth += 1
        try:
            self.script(script)
        except Leave as leave:
            if leave.kind != "return":
                raise
            self.state.status = leave.status
        finally:
            self.file = at
            self._depth -= 1
            self.state.arguments = outer
        self._scope(("return",), before)
        return self.state.status

    def evaluate(self, text: str) -> None:
        """eval."""
        if UNKNOWN_PART in text:
            self.state.status = "done"
            return
        script = parse(text, self.line)
        self._depth += 1
        if self._depth > DEEPEST:
            raise Exhausted
        try:
            self.script(script)
        finally:
            self._depth -= 1

    def _program(self, each: Simple, words: list[str]) -> None:
        environment = self.state.environment()
        for assignment in each.assignments:
            value = self._value(assignment)
            if isinstance(value, str):
                environment[assignment.name] = value
                hangs = self.state.conditions
                place = Place(self.file, each.line)
                self.wrote(EnvironmentWrite(assignment.name, value, place, not hangs, hangs))
        self.program(each, words, environment)

    def program(self, each: Simple, words: list[str], environment: Mapping[str, str]) -> None:
        """Notes a program, what it prints and what it makes."""
        state = self.state
        place = Place(self.file, each.line)
        self._note(*words, *environment.values(), *state.conditions)
        self.commands.append(
            ShellCommand(place, tuple(words), state.folder, environment, state.conditions, each,
                         self._asks, state.within)
        )  # fmt: skip
        shell_builtins.effects(self, each, words)
        if self._out is not None:
            self.say(self._printed(words))
        state.status = shell_builtins.success(self, words)

    def _printed(self, words: list[str]) -> str | None:
        code = shell_programs.python_code(words, self.given)
        if code is not None:
            known = self.prints is not None and not self.state.within and UNKNOWN_PART not in code
            return self.prints(code, self.world) if known and self.prints else None
        return shell_programs.output(self, words, self.given)


def run(
    text: str,
    file: str,
    world: BuildWorld,
    arguments: Sequence[str] = (),
    prints: PythonPrints | None = None,
    parsed: Script | None = None,
) -> ShellRun:
    """What a script does when it is called with these arguments from the root of the project."""
    runner = Runner(text, file, world, prints)
    runner.state.arguments = list(arguments)
    return runner.whole(parsed or parse(text))


def folder_of(file: str) -> str:
    """The folder of a path that is relative to the root."""
    return posixpath.dirname(file)
