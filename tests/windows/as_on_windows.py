"""Starts gpufix as Windows would have it: without POSIX's modules, functions and signals.

    python as_on_windows.py ARGUMENT...        runs `gpufix ARGUMENT...`

os.name and sys.platform stay: the standard library itself rests on them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# What os has on Linux and not on Windows, as far as a program may call it.
FUNCTIONS = [
    "O_CLOEXEC",
    "O_DIRECTORY",
    "O_DSYNC",
    "O_NOCTTY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "O_SYNC",
    "O_TMPFILE",
    "SEEK_DATA",
    "SEEK_HOLE",
    "chown",
    "confstr",
    "copy_file_range",
    "fchdir",
    "fchown",
    "fdatasync",
    "fork",
    "forkpty",
    "fpathconf",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getpgrp",
    "getpriority",
    "getresuid",
    "getsid",
    "getuid",
    "getxattr",
    "initgroups",
    "killpg",
    "lchown",
    "listxattr",
    "lockf",
    "major",
    "makedev",
    "memfd_create",
    "minor",
    "mkfifo",
    "mknod",
    "nice",
    "openpty",
    "pathconf",
    "pipe2",
    "posix_fadvise",
    "posix_fallocate",
    "pread",
    "preadv",
    "pwrite",
    "pwritev",
    "readv",
    "removexattr",
    "sched_getaffinity",
    "sched_setaffinity",
    "sendfile",
    "setgid",
    "setsid",
    "setuid",
    "setxattr",
    "statvfs",
    "sync",
    "sysconf",
    "tcgetpgrp",
    "ttyname",
    "uname",
    "wait3",
    "wait4",
    "waitid",
    "writev",
]
SIGNALS = [
    "SIGALRM",
    "SIGCHLD",
    "SIGHUP",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGUSR1",
    "SIGUSR2",
]
CALLS = [
    "alarm",
    "pause",
    "pthread_kill",
    "pthread_sigmask",
    "setitimer",
    "sigpending",
    "sigtimedwait",
    "sigwait",
]


class _Hider(MetaPathFinder):
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _without_descriptors(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **named: Any) -> Any:
        if named.get("dir_fd") is not None or named.get("src_dir_fd") is not None:
            raise NotImplementedError(f"dir_fd unavailable on this platform: {function.__name__}")
        return function(*args, **named)

    return called


def _of_paths_alone(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(path: Any = ".") -> Any:
        if isinstance(path, int):
            raise TypeError(
                f"{function.__name__}: path should be string, bytes, os.PathLike or None, not int"
            )
        return function(path)

    return called


def _of_files_alone(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(path: Any, flags: int, *args: Any, **named: Any) -> Any:
        if not flags & (os.O_WRONLY | os.O_RDWR) and Path(path).is_dir():
            raise PermissionError(13, "Permission denied", path)
        return function(path, flags, *args, **named)

    return called


def hide() -> None:
    """Take away what Windows has not."""
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Hider())
    for name in FUNCTIONS:
        if hasattr(os, name):
            delattr(os, name)
    for name in (*SIGNALS, *CALLS):
        if hasattr(signal, name):
            delattr(signal, name)
    for name in ("stat", "lstat", "access", "unlink", "rename", "mkdir", "rmdir", "readlink"):
        setattr(os, name, _without_descriptors(getattr(os, name)))
    os.open = _of_files_alone(_without_descriptors(os.open))
    os.scandir, os.listdir = _of_paths_alone(os.scandir), _of_paths_alone(os.listdir)  # type: ignore[assignment]


if __name__ == "__main__":
    import ctypes  # what imports these on Linux, and on Windows others
    import getpass
    import pathlib
    import selectors
    import shutil
    import subprocess
    import tempfile
    import zipfile

    _ = (ctypes, getpass, pathlib, selectors, shutil, subprocess, tempfile, zipfile)
    hide()
    sys.argv = ["gpufix", *sys.argv[1:]]
    import runpy

    runpy.run_module("gpufix", run_name="__main__", alter_sys=True)
