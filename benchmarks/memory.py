"""Reads how much memory this process has, on Linux."""

import os
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(_STATM.read_text().split()[1]) * _PAGE


def peak() -> int:
    """Return the most bytes of this process that were in memory at once. Unlike `ru_maxrss`, without its parent's."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
