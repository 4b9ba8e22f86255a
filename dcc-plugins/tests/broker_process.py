"""A broker as a process of its own, so that a test can kill it the way a power cut does."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]


class BrokerProcess:
    """Started on a data folder; `with` stops it."""

    def __init__(self, data_folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data_folder = data_folder
        self._environment = {**os.environ, **(environment or {})}
        self._start()

    def _start(self) -> None:
        node = ROOT / "node_modules" / ".bin" / ("node.exe" if os.name == "nt" else "node")
        self._process = subprocess.Popen(
            [str(node), str(ROOT / "test" / "support" / "run-broker.ts"), str(self.data_folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        assert "url" in said, said
        self.url: str = said["url"]
        self.token: str = said["adminToken"]
        self.port: int = urlsplit(self.url).port or 0

    def kill(self) -> None:
        """As a power cut does."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def restart(self) -> None:
        """Kills it and starts another one on the same data folder, at another port."""
        self.kill()
        self._start()

    def __enter__(self) -> BrokerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
