"""The one runner of programs: bounded in time and output, and ended with all that they started.

A program gets a session of its own. At a limit, at Ctrl-C, SIGTERM or SIGHUP, and on any other
exception the whole session is ended. Its leader is reaped last: as long as that is a zombie, the
kernel gives its number to no other process or group, and a signal to the group hits nobody else.
A descendant that calls setsid leaves the session (daemons do so on purpose) and lives on; nobody
waits for it, even where it holds a pipe of the program.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last
_INTERRUPTS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

_lock = threading.Lock()
_running: set[int] = set()  # process groups that live now, in whichever thread
_stopped = threading.Event()
_stuck: list[subprocess.Popen[bytes]] = []  # kept: a collected one warns, and is reaped by others


class NoAnswer(Exception):
    """A program gave none: `problem` is "did not end within 2 s", the message "it did not …"."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"it {problem}")
        self.problem = problem


class NotStarted(NoAnswer):
    """The program is not there, is none, or may not be run."""


class Stopped(RuntimeError):
    """stop_all was called: nothing more is started."""


@dataclass(frozen=True)
class Program:
    """What to run. `env`: its whole environment, None is this process's own.

    `given`: standard input, None is /dev/null. `log`: both streams are appended to this file rather
    than kept. `pass_fds`: descriptors that it inherits, as do the programs that it starts.
    """

    command: Sequence[str | Path]
    env: Mapping[str, str] | None = None
    cwd: str | Path | None = None
    given: bytes | None = None
    log: Path | None = None
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How long, and how much. Output past `kept` bytes of a stream is read, counted and dropped.

    `most`: bytes of a stream or of the log at which the program is ended. `request`: the signal
    that asks it to end; `grace_s` later it is killed, with 0 at once. `patience_s`: how long a
    killed program may take to go; one that hangs in a driver never does, and is given up.
    """

    seconds: float = math.inf
    kept: int = 4 << 20
    most: int | None = None
    request: signal.Signals = signal.SIGTERM
    grace_s: float = 1.0
    patience_s: float = 5.0


@dataclass(frozen=True)
class Finished:
    """How a program ended. `code` is negative for a signal, None when it had to be ended here.

    `dropped`: bytes of both streams that were not kept. `problem`: what made that necessary, as in
    "did not end within 2 s"; a program that cannot even be killed is given up, and it says so.
    """

    code: int | None
    out: bytes
    err: bytes
    seconds: float
    dropped: int = 0
    timed_out: bool = False
    problem: str | None = None

    @property
    def stdout(self) -> str:
        return self.out.decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self.err.decode("utf-8", "replace")

    @property
    def signal_name(self) -> str | None:
        """``SIGSEGV`` and the like, when a signal ended it that was not sent from here."""
        if self.code is None or self.code >= 0:
            return None
        names = {int(known): known.name for known in signal.Signals}
        return names.get(-self.code, f"signal {-self.code}")


def run(program: Program, limits: Limits) -> Finished:
    """Run it to its end or a limit. Raises NotStarted, and Stopped after stop_all."""
    child = Child(program, limits)
    try:
        child.start()
        child.wait()
    finally:
        child.end()
    assert child.finished is not None
    return child.finished


def ask(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    seconds: float,
    cwd: str | None = None,
) -> Finished:
    """The short answer of a program that nobody vouches for. Raises NoAnswer.

    At a limit it is killed at once: it was asked to read, and has nothing to put back.
    """
    if os.name == "nt":
        return _ask_on_windows(command, env, seconds, cwd)
    limits = Limits(seconds, kept=1 << 20, most=1 << 20, grace_s=0.0, patience_s=1.0)
    finished = run(Program(command, env, cwd), limits)
    if finished.problem:
        raise NoAnswer(finished.problem)
    return finished


def _ask_on_windows(
    command: Sequence[str | Path], env: Mapping[str, str], seconds: float, cwd: str | None
) -> Finished:
    """As `ask`. Windows has no sessions to end, and no pipes to wait for: files take the answer."""
    begin, most = time.monotonic(), 1 << 20
    with _temporary() as out, _temporary() as err:
        try:
            popen = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(env), cwd=cwd,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise NotStarted(f"could not be started: {reason}") from error
        try:
            while popen.poll() is None:
                if time.monotonic() - begin > seconds:
                    raise NoAnswer(f"did not end within {seconds:g} s")
                if max(os.fstat(file.fileno()).st_size for file in (out, err)) > most:
                    raise NoAnswer(f"printed more than {most >> 20} MiB")
                time.sleep(0.01)
        finally:
            popen.kill()  # one that has ended is left alone
            popen.wait()
        for file in (out, err):
            file.seek(0)
        seconds = time.monotonic() - begin
        return Finished(popen.returncode, out.read(most), err.read(most), seconds)


def stop_all() -> None:
    """Kill every program that runs, in all threads, and let none start any more.

    Programs have sessions of their own, so a terminal's Ctrl-C does not reach them.
    """
    with _lock:
        _stopped.set()
        for group in _running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


class Child:
    """A program under way: `start`, `wait` as often as wanted, always `end`, all in one thread."""

    def __init__(self, program: Program, limits: Limits, since: float | None = None) -> None:
        """Its time counts from `since` (time.monotonic), None = from now."""
        self._program, self._limits = program, limits
        self._begin = time.monotonic()
        self._deadline = (self._begin if since is None else since) + limits.seconds
        self._popen: subprocess.Popen[bytes] | None = None
        self._selector = selectors.DefaultSelector()
        self._streams: list[_Stream] = []
        self._pidfd: int | None = None
        self._ended_alone = self._timed_out = self._reaped = False
        self._problem: str | None = None
        self.finished: Finished | None = None

    def start(self) -> None:
        """Raises NotStarted, and Stopped after stop_all."""
        with _undisturbed():
            with _lock:
                self._popen = popen = _popen(self._program)
                _running.add(popen.pid)
            for pipe in filter(None, (popen.stdout, popen.stderr)):
                self._streams.append(_Stream(pipe, self._limits.kept))
                self._selector.register(pipe, selectors.EVENT_READ, self._streams[-1])
            with suppress(OSError, AttributeError):  # an old kernel, a sandbox, not Linux
                self._pidfd = os.pidfd_open(popen.pid)
                self._selector.register(self._pidfd, selectors.EVENT_READ)

    def wait(self, seconds: float = math.inf, limited: bool = True) -> bool:
        """For at most so long. True once the program has ended or, `limited`, is over a limit."""
        until, late = time.monotonic() + seconds, False
        while not self._has_ended():
            if limited and self._over_a_limit():
                return True
            if late:
                return False
            self._read(min(until, self._deadline) if limited else until)
            late = time.monotonic() >= until
        self._ended_alone |= limited
        return True

    def end(self) -> None:
        """End the whole session, and reap its leader last; where nothing lives, do nothing."""
        try:
            if not self._ended_alone and self._limits.grace_s > 0:
                self._signal(self._limits.request)
                self.wait(self._limits.grace_s, limited=False)  # a second Ctrl-C ends this waiting
        finally:
            with _undisturbed():
                if self._popen is not None:
                    self.finished = self._kill_and_reap(self._popen)
                self._popen = None
                self._selector.close()

    def _kill_and_reap(self, popen: subprocess.Popen[bytes]) -> Finished:
        with _lock:
            _running.discard(popen.pid)
        self._signal(signal.SIGKILL)  # after a good end, too: it may have left something behind
        if self.wait(self._limits.patience_s, limited=False):
            popen.wait()
        else:
            self._problem = f"{self._problem or 'ended badly'} and cannot be killed"
            _stuck.append(popen)
        for stream in self._streams * 16:  # a full pipe, whoever still holds its other end
            stream.read()
        for stream in self._streams:
            stream.pipe.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
        out, err = [bytes(stream.kept) for stream in self._streams] or (b"", b"")
        dropped = sum(stream.total - len(stream.kept) for stream in self._streams)
        code = None if self._problem else popen.returncode
        seconds = time.monotonic() - self._begin
        return Finished(code, out, err, seconds, dropped, self._timed_out, self._problem)

    def _signal(self, number: signal.Signals) -> None:
        """To the group; when it is ended from here, to the session's other groups, too."""
        if self._popen is None or self._reaped:  # reaped, its number may be somebody else's
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)
        if not self._ended_alone:
            _signal_session(self._popen.pid, number)

    def _read(self, until: float) -> None:
        """What the pipes have; returns when something happens, the end included."""
        pause = 0.01 if self._pidfd is None else 0.5  # nothing tells that a log has grown
        seconds = max(0.0, min(until - time.monotonic(), pause))
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, _Stream) and not key.data.read():
                self._selector.unregister(key.fileobj)

    def _has_ended(self) -> bool:
        """Whether the leader has ended. It stays a zombie."""
        if self._popen is None or self._reaped:
            return True
        if not hasattr(os, "waitid"):  # macOS: what it leaves behind is spared, not guessed at
            self._reaped = self._popen.poll() is not None
            return self._reaped
        try:
            options = os.WEXITED | os.WNOWAIT | os.WNOHANG
            return os.waitid(os.P_PID, self._popen.pid, options) is not None
        except ChildProcessError:  # SIGCHLD is ignored: the kernel has reaped it
            self._reaped = True
            return True

    def _over_a_limit(self) -> bool:
        most, log = self._limits.most, self._program.log
        if time.monotonic() >= self._deadline:
            self._timed_out = True
            self._problem = f"did not end within {self._limits.seconds:g} s"
        elif most is not None:
            sizes = [stream.total for stream in self._streams]
            if max([*sizes, log.stat().st_size if log and log.exists() else 0]) > most:
                self._problem = f"printed more than {most / (1 << 20):g} MiB"
        return self._problem is not None


class _Stream:
    """One pipe of a program, read as it comes and kept up to a limit."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe, self.kept, self.total, self._limit = pipe, bytearray(), 0, limit

    def read(self) -> bool:
        """One block; False at the end."""
        try:
            block = os.read(self.pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return True
        self.kept += block[: max(0, self._limit - len(self.kept))]
        self.total += len(block)
        return bool(block)


def _temporary() -> IO[bytes]:
    import tempfile  # slow to import, and seldom needed

    return tempfile.TemporaryFile()


def _popen(program: Program) -> subprocess.Popen[bytes]:
    if _stopped.is_set():
        raise Stopped("interrupted")
    command = [os.fspath(part) for part in program.command]
    try:
        with ExitStack() as files:
            given = files.enter_context(_temporary()) if program.given else None
            if given is not None:
                given.write(program.given or b"")
                given.seek(0)
            log = files.enter_context(program.log.open("ab")) if program.log else None
            return subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.DEVNULL if given is None else given,
                stdout=subprocess.PIPE if log is None else log,
                stderr=subprocess.PIPE if log is None else subprocess.STDOUT,
                env=None if program.env is None else dict(program.env),
                cwd=program.cwd,
                start_new_session=True,
                pass_fds=program.pass_fds,
            )
    except (OSError, ValueError) as error:  # a zero byte in an argument is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        if (name := getattr(error, "filename", None)) not in (None, command[0]):
            reason += f": {name}"  # the folder or the log
        raise NotStarted(f"could not be started: {reason}") from error


def _signal_session(leader: int, number: signal.Signals) -> None:
    """`timeout`, and shells with job control, make groups of their own."""
    for folder in processes():
        signal_if(folder, number, lambda folder: int(status(folder)[3]) == leader)


def processes() -> Iterator[Path]:
    """The folders of /proc of all processes."""
    return Path("/proc").glob("[0-9]*")


def status(folder: Path) -> list[bytes]:
    """The fields of its stat after the command's name: state, parent, group, session … (proc(5))."""
    return (folder / "stat").read_bytes().rpartition(b")")[2].split()


def signal_if(folder: Path, number: signal.Signals, meant: Callable[[Path], bool]) -> None:
    """Signal the process of a folder of /proc, if it is one that is meant and while it is that one."""
    with ExitStack() as files, suppress(OSError, AttributeError):  # it has gone, or no pidfd
        if meant(folder):
            pidfd = os.pidfd_open(int(folder.name))
            files.callback(os.close, pidfd)
            if meant(folder):  # the number still means the same process
                signal.pidfd_send_signal(pidfd, number)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP wait until the block is over: no program starts unnoticed.

    Python runs their handlers in the main thread alone: in others nothing interrupts.
    """
    came: list[signal.Signals] = []
    main = threading.current_thread() is threading.main_thread()
    handlers = {n: h for n in _INTERRUPTS if main and callable(h := signal.getsignal(n))}
    try:
        for number in handlers:
            signal.signal(number, lambda n, _: came.append(signal.Signals(n)))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in came:
        handlers[number](number, None)
