"""Brings the frames of a job home as they finish, and says what is missing. Doing it again resumes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .client import Client, quoted
from .completeness import MissingFrames, missing_frames
from .download import Addresses, fetch_blob
from .errors import TallyError
from .home import Conflict, Homecoming, HomeResult, LocalFile, bring_home
from .names import name_filter
from .places import Place, places_of
from .waiting import Patience, Stop
from .work import Piece, run_pieces

WAIT_S = 20
# The last files of a job are stored a moment after its last frame is done.
WAIT_FOR_FILES_S = 2
MOST_MARKED = 1000
Artifact = Mapping[str, Any]


@dataclass(frozen=True)
class PullOptions:
    """What to bring, and where. `conflict`: default is the job's own rule, chosen once for all files.

    `to`: a folder instead of home. `follow`: until the job is over. `partial`: also files of tries that
    failed.
    `local_store`: files that lie on this very machine are copied, not downloaded.
    """

    to: str | None = None
    name_filter: str | None = None
    step: str | None = None
    conflict: Conflict | None = None
    partial: bool = False
    follow: bool = False
    parallel: int = 4
    local_store: bool = True
    patience_s: float = 300.0


@dataclass
class Pulled:
    """How it ended. `problems`: a sentence for each file that could not be brought."""

    job: Mapping[str, Any]
    delivered: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    missing: list[MissingFrames] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every frame is done and every file in its place."""
        return not self.problems and not self.missing


OnFile = Callable[[Artifact, str, HomeResult], None]


def pull_job(
    client: Client,
    job: str | int,
    options: PullOptions | None = None,
    *,
    stop: Stop | None = None,
    on_file: OnFile | None = None,
) -> Pulled:
    """Brings the files of a job home. `on_file` hears of each, one call at a time, on a thread of its own.

    Raises TallyError for what concerns the whole job (the broker does not answer, no such job),
    CanceledError.
    """
    return _Pull(client, job, options or PullOptions(), Stop(stop), on_file).run()


class _Pull:
    def __init__(
        self, client: Client, job: str | int, options: PullOptions, stop: Stop, on_file: OnFile | None
    ) -> None:
        self._client = client
        self._options = options
        self._stop = stop
        self._on_file = on_file
        self._patience = Patience(options.patience_s, stop)
        self._job = self._get(f"/v1/jobs/{quoted(job)}")
        # `latest` may be another one in a moment.
        self._path = f"/v1/jobs/{self._job['number']}"
        self._addresses = Addresses(client)
        self._store = self._local_store() if options.local_store else None
        self._matches = name_filter(options.name_filter) if options.name_filter else None
        self._done: set[str] = set()
        # Places whose frame counts: what a failed try left does not go there.
        self._won: set[str] = set()
        self._names: set[str] = set()
        # Where the next listing begins: with the last page that was full.
        self._from: str | None = None
        self._pulled = Pulled(self._job)
        self._unmarked: dict[str, list[str]] = {"artifacts": [], "leftOut": []}
        self._lock = threading.Lock()

    def run(self) -> Pulled:
        cursor: int | None = None
        while True:
            if self._options.follow:
                # The cursor is older than the look at the job: nothing is missed between the two.
                cursor = self._next_event(cursor)
            self._job = self._get(self._path)
            artifacts = self._listed()
            self._bring(artifacts)
            if not self._options.follow or self._is_over(artifacts):
                missing, listed = self._missing()
                # What came while others were brought is not here yet: nothing is said of it before it is.
                if any(one.open for one in missing) or self._is_over(listed):
                    break
        self._pulled.job = self._job
        self._pulled.missing = missing
        return self._pulled

    def _listed(self) -> list[Artifact]:
        """Results in the order in which they came, without the pages that were full the last time."""
        found: list[Artifact] = []
        after = self._from
        while True:
            page = self._get(f"{self._path}/artifacts", {"limit": 1000, "after": after})
            found.extend(page["items"])
            after = page["next"]
            if after is None:
                return found
            self._from = after

    def _missing(self) -> tuple[list[MissingFrames], list[Artifact]]:
        tasks = list(self._tasks())
        listed = list(self._client.pages(f"{self._path}/artifacts", patience=self._patience))
        wanted = [one for one in listed if self._is_wanted(one)]
        return missing_frames(tasks, wanted), listed

    def _is_over(self, artifacts: list[Artifact]) -> bool:
        return (not self._options.follow or self._job["endedAt"] is not None) and not self._news(artifacts)

    def _news(self, artifacts: list[Artifact]) -> list[Artifact]:
        """Those that were asked for and are still to be brought."""
        self._won.update(one["name"] for one in artifacts if one["state"] == "current")
        # While the job goes on the frame itself may still come.
        may_partial = not self._options.follow or self._job["endedAt"] is not None
        return [
            one
            for one in artifacts
            if self._is_wanted(one)
            and one["id"] not in self._done
            and (one["state"] == "current" or (may_partial and one["name"] not in self._won))
        ]

    def _is_wanted(self, one: Artifact) -> bool:
        return (
            (one["state"] == "current" or (self._options.partial and one["state"] == "partial"))
            and (self._options.step is None or one["step"] == self._options.step)
            and (self._matches is None or self._matches(one["name"]))
        )

    def _bring(self, artifacts: list[Artifact]) -> None:
        self._names.update(one["name"] for one in artifacts)
        place = places_of(self._job, sorted(self._names), self._options.to)
        news = self._news(artifacts)
        # Where two write the same file, the one that came last counts.
        last = {one["name"]: one["id"] for one in news}
        older: dict[str, list[Artifact]] = {}
        for one in news:
            if last[one["name"]] != one["id"]:
                self._done.add(one["id"])
                older.setdefault(one["name"], []).append(one)
        wanted = [one for one in news if last[one["name"]] == one["id"]]
        if self._store is None:
            self._addresses.prepare((one["sha256"] for one in wanted if one["kept"]), self._patience)

        def piece(one: Artifact) -> Piece:
            return lambda: self._bring_one(one, place, older.get(one["name"], []))

        try:
            run_pieces((piece(one) for one in wanted), self._options.parallel, self._stop)
        finally:
            self._mark()

    def _bring_one(self, one: Artifact, place: Place, older: list[Artifact]) -> None:
        try:
            name = place(one)
        except TallyError as error:
            self._heard(one, str(one["name"]), HomeResult("failed", error.detail))
            return
        conflict: Conflict = self._options.conflict or self._job["settings"]["conflict"]
        if one["deliveredAt"] is not None and self._options.conflict != "overwrite":
            # What came home once and is another file now was changed by a person.
            conflict = "skip"
        executable = bool(one.get("executable", False))
        file = Homecoming(one["id"], name, one["bytes"], one["sha256"], conflict, executable)
        local = self._local_file(one["sha256"])
        result = bring_home(file, local or (lambda target: self._fetch(one, target)), self._stop)
        if local is not None and result.kind == "failed" and self._local_file(one["sha256"]) is None:
            # Cleaned away, or not for this person to read: the broker is asked.
            result = bring_home(file, lambda target: self._fetch(one, target), self._stop)
        self._heard(one, name, result)
        if result.kind == "failed" or self._options.to is not None:
            return
        # The older ones are as much home as if they had come one by one.
        # One with a problem was left out before.
        ids = [
            it["id"]
            for it in (*older, one)
            if it["state"] == "current" and (it["deliveredAt"] is None or it["problem"] is not None)
        ]
        with self._lock:
            marked = self._unmarked["leftOut" if result.kind == "skipped" else "artifacts"]
            marked.extend(ids)
            is_full = len(marked) >= MOST_MARKED
        if is_full:
            self._mark()

    def _fetch(self, one: Artifact, target: str) -> None:
        if not one["kept"] and self._job["endedAt"] is not None:
            raise TallyError(
                "cleaned", "the broker has cleaned its bytes away. Render it again: tally requeue"
            )
        fetch_blob(
            self._client,
            one["sha256"],
            one["bytes"],
            target,
            addresses=self._addresses,
            patience=Patience(self._options.patience_s, self._stop),
        )

    def _heard(self, one: Artifact, name: str, result: HomeResult) -> None:
        with self._lock:
            self._done.add(one["id"])
            if result.problem is not None:
                self._pulled.problems.append(result.problem)
            else:
                (self._pulled.skipped if result.kind == "skipped" else self._pulled.delivered).append(name)
            if self._on_file is not None:
                self._on_file(one, name, result)

    def _mark(self) -> None:
        """Files that lie flushed in their place are home, and others were left out: the broker is told."""
        with self._lock:
            told, self._unmarked = self._unmarked, {"artifacts": [], "leftOut": []}
        for at in range(0, max(len(ids) for ids in told.values()), MOST_MARKED):
            self._client.call(
                "POST",
                f"{self._path}/delivered",
                {kind: ids[at : at + MOST_MARKED] for kind, ids in told.items()},
                patience=Patience(self._options.patience_s),
            )

    def _next_event(self, cursor: int | None) -> int:
        """Waits until something changed, a while at most; the first time only asks where events are."""
        seconds = WAIT_S if self._job["endedAt"] is None else WAIT_FOR_FILES_S
        try:
            answer = self._get(
                "/v1/events",
                {
                    "job": str(self._job["number"]),
                    "after": cursor,
                    "waitSeconds": 0 if cursor is None else seconds,
                },
            )
        except TallyError as error:
            if error.code != "cursor-expired":
                raise
            answer = self._get("/v1/events", {"job": str(self._job["number"])})
        return int(answer["cursor"])

    def _tasks(self) -> Iterator[Mapping[str, Any]]:
        return self._client.pages(
            f"{self._path}/tasks", query={"step": self._options.step}, patience=self._patience
        )

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._client.call("GET", path, query=query, patience=self._patience)

    def _local_store(self) -> str | None:
        """The store's folder where it lies on this very machine and may be read."""
        folder = self._get("/v1/system")["storage"]["folder"]
        return folder if isinstance(folder, str) and os.access(folder, os.R_OK | os.X_OK) else None

    def _local_file(self, sha256: str) -> LocalFile | None:
        if self._store is None:
            return None
        path = os.path.join(self._store, sha256[:2], sha256)
        return LocalFile(path) if os.access(path, os.R_OK) else None
