"""What can go wrong, each with one plain sentence that says what to do next."""

from __future__ import annotations

PASSING_CODES = frozenset({"busy", "internal", "rate-limited", "storage-down"})


class TallyError(Exception):
    """A refusal or a failure; `str()` of it is a sentence for a person.

    `code` is one of the broker's closed list (docs/errors.md), or `unreachable`, `file-changed`, `damaged`,
    `canceled`, `local` for what happened on this machine. `retry_after` is the broker's wish in seconds.
    """

    def __init__(
        self, code: str, detail: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.retry_after = retry_after

    @property
    def is_passing(self) -> bool:
        """Whether the same request may well succeed a little later."""
        return self.code == "unreachable" or self.code in PASSING_CODES


class UnreachableError(TallyError):
    """No answer at all: nothing listens there, or the connection broke."""

    def __init__(self, url: str) -> None:
        super().__init__("unreachable", f"No answer from {url}. Is the broker running? Start it: tally serve")
        self.url = url


class FileChangedError(TallyError):
    """A file of the job was changed while it was read or sent."""

    def __init__(self, path: str) -> None:
        super().__init__(
            "file-changed",
            f"{path} changed while it was read. Submit again when nothing writes to it any more.",
        )
        self.path = path


class DamagedError(TallyError):
    """Stored bytes are not those that their name says."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            "damaged",
            f"The stored copy {sha256[:12]}… is damaged. Submit the job, or render the frame, again: "
            "then it is stored anew.",
        )
        self.sha256 = sha256


class CanceledError(TallyError):
    """Somebody asked to stop."""

    def __init__(self) -> None:
        super().__init__("canceled", "Stopped. Doing it again goes on where it stopped.")
