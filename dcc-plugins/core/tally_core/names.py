"""Which result files a filter such as *.exr or beauty/** means. The rules are written down in
test/vectors/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_WINDOWS = re.compile(r"(?:[A-Za-z]:[\\/]|\\\\)")


def name_filter(pattern: str) -> Callable[[str], bool]:
    """Makes a test for full names from a filter. Never raises: signs that mean nothing mean themselves."""
    posix = _expression(pattern)
    windows = _expression(pattern.replace("\\", "/"))

    def matches(name: str) -> bool:
        if is_windows_name(name):
            return windows.search(name.replace("\\", "/")) is not None
        return posix.search(name) is not None

    return matches


def is_windows_name(name: str) -> bool:
    """Whether a full name is spelled as Windows does."""
    return _WINDOWS.match(name) is not None


def _expression(pattern: str) -> re.Pattern[str]:
    is_whole = pattern.startswith("/") or re.match(r"[A-Za-z]:/", pattern) is not None
    parts = pattern[1:].split("/") if pattern.startswith("/") else pattern.split("/")
    last = len(parts) - 1
    source = ""
    for index, part in enumerate(parts):
        if part == "**":
            source += r"(?:[^/]+/)*" if index < last else r".+"
        else:
            source += _one_part(part) + ("/" if index < last else "")
    return re.compile((r"\A/?" if is_whole else r"(?:\A|/)") + source + r"\Z", re.DOTALL)


def _one_part(part: str) -> str:
    """One name: `*`, `?` and sets never reach over a slash."""
    source = ""
    at = 0
    while at < len(part):
        sign = part[at]
        if sign == "*":
            # Several stars mean no more than one, and would take the longer to say no.
            if at == 0 or part[at - 1] != "*":
                source += "[^/]*"
        elif sign == "?":
            source += "[^/]"
        elif sign == "[" and (end := _end_of_set(part, at)) > 0:
            source += _set(part[at + 1 : end])
            at = end
        else:
            source += re.escape(sign)
        at += 1
    return source


def _end_of_set(part: str, start: int) -> int:
    at = start + 1
    if part[at : at + 1] in ("!", "^"):
        at += 1
    return part.find("]", at + 1)


def _set(inside: str) -> str:
    is_turned = inside[0] in "!^"
    signs = inside[1:] if is_turned else inside
    source = ""
    at = 0
    while at < len(signs):
        if at + 2 < len(signs) and signs[at + 1] == "-":
            if signs[at] <= signs[at + 2]:
                source += f"{re.escape(signs[at])}-{re.escape(signs[at + 2])}"
            at += 3
        else:
            source += re.escape(signs[at])
            at += 1
    if is_turned:
        return f"[^/{source}]"
    return f"(?!/)[{source}]" if source else "(?!)"
