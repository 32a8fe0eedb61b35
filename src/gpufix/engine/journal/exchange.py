"""Gives a file its name without overwriting what somebody has put there meanwhile."""

from __future__ import annotations

import ctypes
import errno
import os

from gpufix.engine.journal.keep import NO_LINK

_FD_CWD, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE (linux/fs.h)
_UNABLE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}


def named(temporary: str, path: str) -> bool:
    """Whether the file now has that name instead; False where the name is somebody's. Raises OSError."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        os.rename(temporary, path)  # a file system without links
        return True
    os.unlink(temporary)
    return True


def exchanged(one: str, other: str) -> bool:
    """Whether both names now stand for each other's file. False where the system cannot do it."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_FD_CWD, os.fsencode(one), _FD_CWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNABLE:
        return False
    raise OSError(number, os.strerror(number), other)
