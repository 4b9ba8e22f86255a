"""A worker without an agent: it leases, uploads and reports over real HTTP, as a test tells it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from tally_core.client import Client
from tally_core.connection import Connection
from tally_core.upload import upload_bytes


def template(frames: str, name: str = "shot") -> str:
    """A job of one step with these frames."""
    frame = {"name": "Frame", "type": "INT", "range": frames}
    return json.dumps(
        {
            "specificationVersion": "jobtemplate-2023-09",
            "name": name,
            "steps": [
                {
                    "name": "render",
                    "parameterSpace": {"taskParameterDefinitions": [frame]},
                    "script": {"actions": {"onRun": {"command": "true"}}},
                }
            ],
        }
    )


def submit(client: Client, frames: str, **settings: Any) -> Any:
    """Submits such a job; whoever asks brings its files home."""
    return client.call(
        "POST",
        "/v1/jobs",
        {
            "template": template(frames),
            "settings": {"home": "pull", "frameParameter": "Frame", "maxRetries": 0, **settings},
        },
        headers={"idempotency-key": str(uuid.uuid4())},
    )


class Worker:
    """Registered with a token of its own."""

    def __init__(self, admin: Client) -> None:
        made = admin.call("POST", "/v1/tokens", {"role": "worker", "name": "far away"})
        self._client = Client(Connection(admin.url, made["token"]))
        registration = {
            "name": "far away",
            "pool": "local",
            "agentVersion": "test",
            "osFamily": "linux",
            "amounts": {"amount.worker.vcpu": 4},
            "attributes": {"attr.worker.os.family": ["linux"]},
        }
        self._id = self._client.call("POST", "/v1/workers", registration)["workerId"]

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def render(
        self, files: Mapping[str, bytes] | None, *, executable: bool = False, fails: bool = False
    ) -> None:
        """Takes the next frame, uploads these files (home name -> bytes) and reports; None: it fails without
        any.
        """
        lease = self._client.call("POST", f"/v1/workers/{self._id}/leases")["lease"]
        assert lease is not None, "there was no work"
        headers = {"tally-lease": lease["leaseId"], "tally-lease-token": lease["token"]}
        items: list[dict[str, Any]] = []
        for task in lease["tasks"]:
            about = {"ordinal": task["ordinal"], "logOffset": 0}
            items.append({"type": "started", **about})
            sent = [
                {
                    "name": name,
                    **upload_bytes(self._client, data, headers=headers),
                    **({"executable": True} if executable else {}),
                }
                for name, data in (files or {}).items()
            ]
            end: dict[str, Any] = {**about, "seconds": 1, "files": sent}
            if files is None or fails:
                reason = "It did not render."
                items.append({"type": "failed", **end, "failureClass": "task", "reason": reason})
            else:
                items.append({"type": "succeeded", **end})
        self._client.call(
            "POST",
            f"/v1/leases/{lease['leaseId']}/reports",
            {"token": lease["token"], "seq": 1, "items": items, "done": True},
        )
