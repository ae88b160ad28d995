"""The side of `fastcolor bench engines` that talks to engine_worker.py."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import Any

from fastcolor.models import ModelSpec


class Worker:
    """An engine in its process; ``problem`` says why it is of no use."""

    def __init__(self, spec: ModelSpec, engine: str, device: str, precision: str, size: int):
        self.engine, self.device, self.precision = engine, device, precision
        self.problem = ""
        self.peak_mb = 0.0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fastcolor.bench.engine_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        self.start = self.ask(
            model=str(spec.path), engine=engine, device=device, precision=precision, size=size
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self.problem:
            return {}
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        said: dict[str, Any] = json.loads(line) if line else {"problem": "its process ended"}
        self.problem = said.get("problem", "")
        self.peak_mb = max(self.peak_mb, said.get("memory_mb", 0.0))
        return said

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it ended before
            self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:  # interrupted while it compiles
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
