"""What a shell script would run in one world. Nothing is executed.

Programs are taken to succeed; where a script asks whether one did, both ways are followed, and what
only one of them does hangs on that question.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from gpufix.source.builds import shell_builtins, shell_patterns, shell_programs
from gpufix.source.builds.run import UNKNOWN_PART, EnvironmentWrite, Place
from gpufix.source.builds.shell_expand import Expander, personal
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_state import (
    Exhausted,
    Leave,
    MissingPath,
    PlainVariable,
    ShellCommand,
    ShellRun,
    State,
    Status,
    Unmatched,
    Value,
    joined,
    merged,
    within,
)
from gpufix.source.builds.shell_syntax import (
    AndOr,
    Assignment,
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
    Word,
)
from gpufix.source.builds.shell_tests import DoubleTest
from gpufix.source.builds.world import BuildWorld

_STEPS, _TURNS, _DEEPEST = 20_000, 200, 40  # commands, turns of a loop, calls within each other
_LONGEST = 1 << 16  # characters of an output
_EFFORT = 3_000_000  # steps and characters, in all

PythonPrints = Callable[[str, BuildWorld], "str | None"]
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:\+\w+)?")
_MOST_UNMATCHED = 50


class Runner:
    """One run. `path`: the script as it was called; `file`: the text at hand, relative to the root."""

    def __init__(
        self, text: str, file: str, world: BuildWorld, prints: PythonPrints | None = None
    ) -> None:
        self.world, self.path, self.file = world, file, file
        self.state = State()
        self.expander = Expander(self)
        self.prints = prints
        self.commands: list[ShellCommand] = []
        self.writes: list[EnvironmentWrite] = []
        self.plain: list[PlainVariable] = []
        self.missing: list[MissingPath] = []
        self.origins: list[tuple[str, str]] = []
        self.unmatched: list[Unmatched] = []
        self.asked: set[str] = set()
        self.beyond = self.cut = False
        self.lines = {file: text.split("\n")}
        self._given: list[str | None] = [None]  # what the command at hand reads
        self._kept: list[dict[str, Value | None]] = []  # what local variables hide, by function
        self._out: list[str] | None = None  # what is printed, where somebody reads it
        self._steps = self._depth = self._spent = 0
        self._notes = 100_000 + 32 * len(text)  # characters that may still be noted
        self._asks = False
        self.stops = False  # a command that fails ends it all: RUN of a Dockerfile
        self.state.folder = world.root
        for name, value in world.environment.items():
            self.state.variables[name] = value
            self.state.exported.add(name)
        self.state.arguments = list(world.argv[1:])

    @property
    def given(self) -> str | None:
        """What the command at hand reads; None: only a run would tell."""
        return self._given[0]

    def goes_on(self, text: str) -> None:
        """A part of the input has been read."""
        self._given[0] = text

    def spend(self, effort: int) -> None:
        """Raises Exhausted when the script asks for more work than it is given."""
        self._spent += effort
        if self._spent > _EFFORT:
            raise Exhausted

    def _note(self, *texts: str) -> None:
        self._notes -= 50 + sum(map(len, texts))
        if self._notes < 0:
            raise Exhausted

    def match(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern of the shell matches."""
        self.spend(len(pattern) * len(text) // 4)
        return shell_patterns.matches(pattern, text)

    def keep(self, names: Iterable[str]) -> None:
        """Variables that are a function's own: the old ones come back when it ends."""
        for name in names if self._kept else ():
            self._kept[-1].setdefault(name, self.state.variables.get(name))

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

    # --------------------------------------------------------------- looking

    def lookup_value(self, name: str) -> Value | None:
        """A variable of whatever kind; None: not set."""
        if name in self.world.environment:
            self.asked.add(name)
        if name in self.state.variables:
            return self.state.variables[name]
        if name in ("BASH_SOURCE", "FUNCNAME", "PIPESTATUS", "DIRSTACK"):
            return [self.file] if name == "BASH_SOURCE" else UNKNOWN_PART
        found = personal(name)
        if found is None:
            self.asked.add(name)
        return found

    def lookup(self, name: str) -> str | None:
        """A parameter as a text; None: not set."""
        state = self.state
        if name.isdigit():
            return self._argument(int(name))
        if name in ("#", "?", "$", "!", "-", "@", "*"):
            if name == "#":
                return UNKNOWN_PART if state.arguments is None else str(len(state.arguments))
            if name == "?":
                return {True: "0", "done": "0"}.get(state.status, UNKNOWN_PART)
            return UNKNOWN_PART
        if name == "PWD":
            return state.folder
        if name == "LINENO":
            return UNKNOWN_PART
        value = self.lookup_value(name)
        if isinstance(value, list):
            return value[0] if value else None
        return value.get("0") if isinstance(value, dict) else value

    def _argument(self, number: int) -> str | None:
        if not number:
            return self.path
        values = self.state.arguments
        if values is None:
            return UNKNOWN_PART
        if number > len(values):
            self.beyond |= number > 1 and self._depth == 0
            return None
        return values[number - 1]

    def number_of(self, name: str) -> str | None:
        """A variable within an arithmetic expression: unset is 0."""
        return self.lookup(name) or "0"

    def expanded(self, text: str) -> str:
        """A text that stands in double quotes."""
        script = parse(f': "{text}"')
        first = script.lists[0].first.commands[0] if script.lists and not script.error else None
        word = first.words[1] if isinstance(first, Simple) and len(first.words) == 2 else None
        return self.expander.text(word) if isinstance(word, Word) else UNKNOWN_PART

    def exists(self, path: str) -> bool | None:
        """Whether a file or folder lies there when the command at hand runs."""
        if not path.startswith("/"):
            path = joined(self.state.folder, path)
        if UNKNOWN_PART in path:
            return None
        if within(path, self.state.made):
            return True if path in self.state.made else None
        found = self.world.files.exists(path)
        if found is not False:
            return found
        return None if self.state.opaque else False

    def is_folder(self, path: str) -> bool | None:
        """The same of a folder."""
        if path in self.state.made:
            return None
        return self.world.files.is_folder(path)

    def read(self, path: str) -> str | None:
        """The text of a file."""
        path = joined(self.state.folder, path)
        if UNKNOWN_PART in path or within(path, self.state.made):
            return None
        return self.world.files.text(path)

    def search(self, pattern: str, text: str) -> bool | None:
        """text =~ pattern, with BASH_REMATCH."""
        expression = shell_patterns.regular(pattern, basic=False, longest=len(text))
        self.spend(shell_patterns.effort(pattern, len(text)) // 20 if expression else 1)
        if expression is None or UNKNOWN_PART in text:
            self.state.variables["BASH_REMATCH"] = UNKNOWN_PART
            return None
        found = expression.search(text)
        groups = [found.group(), *(g or "" for g in found.groups())] if found else []
        self.state.variables["BASH_REMATCH"] = groups
        return found is not None

    # --------------------------------------------------------------- setting

    def assign(self, name: str, value: Value, place: Place | None = None) -> None:
        """Sets a variable; what is exported is seen by programs from now on."""
        self.state.variables[name] = value
        self.spend(len(value))
        if not isinstance(value, str) or place is None:
            return
        hangs = self.state.conditions
        self._note(name, value, *hangs)
        if name in self.state.exported or "a" in self.state.options:
            self.state.exported.add(name)
            self.writes.append(EnvironmentWrite(name, value, place, not hangs, hangs))
        elif self._depth < _DEEPEST:
            self.plain.append(PlainVariable(name, value, place, hangs))

    def export(self, name: str, place: Place) -> None:
        """What is set already is exported with the place of the export."""
        new = name not in self.state.exported
        self.state.exported.add(name)
        value = self.state.variables.get(name)
        if new and isinstance(value, str):
            hangs = self.state.conditions
            before = next((p for p in reversed(self.plain) if p.name == name), None)
            at = before.place if before and before.value == value else place
            self.writes.append(EnvironmentWrite(name, value, at, not hangs, hangs))

    def unset(self, name: str, place: Place) -> None:
        """Takes a variable away."""
        self.state.variables.pop(name, None)
        if name in self.state.exported:
            self.state.exported.discard(name)
            hangs = self.state.conditions
            self.writes.append(EnvironmentWrite(name, None, place, not hangs, hangs))

    def assignment(self, each: Assignment, line: int) -> None:
        """NAME=value as a command sets it."""
        self.assign(each.name, self._value(each), Place(self.file, line))

    def _value(self, each: Assignment) -> Value:
        old = self.state.variables.get(each.name)
        if isinstance(each.value, tuple) and not isinstance(each.value, Word):
            return self._array(each, old)
        text = self.expander.text(each.value)
        if each.key is not None:
            return self._element(each, old, text)
        if not each.appends:
            return text
        before = self.lookup(each.name) or ""
        return (before + text)[:_LONGEST]

    def _array(self, each: Assignment, old: Value | None) -> Value:
        words: tuple[Word, ...] = each.value  # type: ignore[assignment]
        items = self.expander.fields(words)
        keyed = isinstance(old, dict) or any(
            item.startswith("[") and "]=" in item for item in items
        )
        if keyed:
            pairs = (item[1:].partition("]=") for item in items if item.startswith("["))
            base = dict(old) if isinstance(old, dict) and each.appends else {}
            return {**base, **{key: value for key, _, value in pairs}}
        if each.appends:
            before = [old] if isinstance(old, str) else list(old or ())
            return [*before, *items][: _TURNS * 10]
        return items

    def _element(self, each: Assignment, old: Value | None, text: str) -> Value:
        key = self.expanded(each.key or "").strip("\"'")
        if isinstance(old, dict) or not (key.isdigit() and int(key) < 1000):
            return {**(old if isinstance(old, dict) else {}), key: text}
        items = list(old) if isinstance(old, list) else [old] if isinstance(old, str) else []
        items += [""] * (int(key) + 1 - len(items))
        items[int(key)] = items[int(key)] + text if each.appends else text
        return items

    # ---------------------------------------------------------------- output

    def say(self, text: str | None) -> None:
        """What a command prints; None: unknown."""
        if self._out is not None:
            self._out.append(UNKNOWN_PART if text is None else text[:_LONGEST])

    def output_of(self, script: Script) -> str:
        """$(…)."""
        if script.error:
            return UNKNOWN_PART
        before, asks = self._out, self._asks
        self.spend(20 + len(self.state.variables))
        outer, self.state = self.state, self.state.copy()
        self._out, self._asks = [], True
        try:
            self.script(script)
        except Leave as leave:
            self.state.status = leave.status
        finally:
            text = "".join(self._out)
            status, self.state = self.state.status, outer
            self._out, self._asks = before, asks
        self.state.status = status
        return text.rstrip("\n")[:_LONGEST]

    def _captured(self, run: Callable[[], None]) -> str:
        before, self._out = self._out, []
        try:
            run()
            return "".join(self._out)
        finally:
            self._out = before

    # -------------------------------------------------------------- branches

    def fork(self, branches: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """One of these is done, and nobody knows which."""
        self.spend(20 + len(self.state.variables))
        base, ends, left = self.state, list[State](), list[tuple[str, Leave]]()
        for text, run in branches:
            self.state = base.copy()
            self.state.hangs = (*base.hangs, text)
            try:
                run()
                ends.append(self.state)
            except Leave as leave:
                left.append((text, leave))
        for state in ends:
            state.hangs = base.hangs
        if not ends:
            self.state = base
            raise left[-1][1]
        self.state = merged(ends)
        for text, way in left:
            if way.kind == "exit" and way.status not in (True, "done"):
                continue  # it fails: what follows runs whenever the script gets through
            if way.kind != "return" or way.status is not False:
                self.state.left += ((way.kind, f"unless {text}"),)

    def maybe(self, text: str, run: Callable[[], None]) -> None:
        """This is done, or it is not."""
        self.fork([(text, run), (f"not: {text}", lambda: None)])

    def _scope(self, kinds: Sequence[str], before: tuple[tuple[str, str], ...]) -> None:
        """A loop's or function's end is where its own ways out lead."""
        added = self.state.left[len(before) :]
        self.state.left = before + tuple(row for row in added if row[0] not in kinds)

    def ends(self) -> Leave:
        """What ${NAME:?} does."""
        return Leave("exit", status=False)

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
        for item in items[:_TURNS]:
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
        for _ in range(_TURNS):
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
        for _ in range(_TURNS):
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
        if self._depth > _DEEPEST:
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
        if self._depth > _DEEPEST:
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
                row = EnvironmentWrite(assignment.name, value, place, not hangs, hangs)
                self.writes.append(row)
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
