"""Finds the broker: the environment's, or the one whose connection file lies in the data folder."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field

from .errors import TallyError


@dataclass(frozen=True)
class Connection:
    """Where a broker listens, and this person's token for it."""

    url: str
    token: str = field(repr=False)


def data_folder(environment: dict[str, str] | None = None) -> str:
    """Where Tally keeps everything on this machine: TALLY_DATA, else the usual place of this system."""
    env = dict(os.environ) if environment is None else environment
    given = env.get("TALLY_DATA")
    if given:
        return given
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "Tally")
    if sys.platform == "win32":
        return os.path.join(env.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "Tally")
    return os.path.join(env.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "tally")


def read_connection(folder: str) -> Connection | None:
    """What the connection file of a data folder says; None when there is none that can be read."""
    try:
        with open(os.path.join(folder, "connection.json"), encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    url, token = value.get("url"), value.get("token")
    return Connection(url, token) if isinstance(url, str) and isinstance(token, str) else None


def find_broker(url: str | None = None, token: str | None = None, folder: str | None = None) -> Connection:
    """The broker that is meant; does not ask whether it answers. Raises TallyError (`local`) when none is
    known.
    """
    own = read_connection(folder or data_folder())
    address = url or os.environ.get("TALLY_URL") or (own.url if own else None)
    if address is None:
        raise TallyError("local", "No broker has been started on this machine yet. Start one: tally serve")
    address = address.rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise TallyError(
            "local", f'"{address}" is no address of a broker. Write for example http://127.0.0.1:7878'
        )
    # The token of the connection file is for that broker alone: never sent to another address.
    secret = token or os.environ.get("TALLY_TOKEN") or (own.token if own and own.url == address else None)
    if secret is None:
        raise TallyError(
            "local",
            f"A token is needed for {address}. On the broker's machine `tally token create` makes one; "
            "give it here, or set TALLY_TOKEN.",
        )
    return Connection(address, secret)
