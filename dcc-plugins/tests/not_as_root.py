"""Somebody who may not do everything, for tests that root runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def not_as_root(folder: Path) -> Iterator[None]:
    """Runs as an ordinary user, who may enter `folder` and write to it; does nothing where nobody is root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    for parent in folder.parents[:-1]:
        os.chmod(parent, os.stat(parent).st_mode | 0o011)
    os.chmod(folder, 0o777)
    # The real user too: that is the one whom `access` asks about.
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
