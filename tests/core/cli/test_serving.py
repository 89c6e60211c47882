"""A service as a process: it starts, logs in JSON, lets commands work beside it, and ends when it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture
def service(home: Run, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the service until it is ready, and kill what is left of it."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "tertulia", "serve"], stderr=log, stdout=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 120
            while not ready(os.environ["TERTULIA_PORT"]):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def test_a_service_runs_beside_commands_and_ends_in_order(
    service: subprocess.Popen[bytes], home: Run, folder: Path, tmp_path: Path
) -> None:
    assert home("people", "add", "Cia", "email=cia@example.org").code == 0
    assert home("serve").code == 3
    assert "workers: 1 at work" in home("doctor").out
    assert [path.name for path in folder.iterdir() if path.stat().st_mode & 0o077] == []
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=90) == 0
    assert b"listens on http://127.0.0.1:" in (service.stdout.read() if service.stdout else b"")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {"started", "stopping", "stopped"} <= {line["message"] for line in lines}
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert [line for line in lines if line["level"] in ("ERROR", "CRITICAL")] == []
    assert len(home("people", "list").rows) == 3


def test_a_worker_shares_the_work_on_postgresql(
    run: Run, tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERTULIA_DATABASE_URL", postgresql_url)
    assert run("keys", "new").code == 0
    processes = []
    with (tmp_path / "log").open("wb") as log:
        try:
            for name in ("serve", "worker"):
                command = [sys.executable, "-m", "tertulia", name]
                processes.append(subprocess.Popen(command, stderr=log, stdout=log))
            deadline = time.monotonic() + 180
            while "workers: 2 at work" not in run("doctor").out:
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            for process in processes:
                process.terminate()
            assert [process.wait(timeout=90) for process in processes] == [0, 0]
        finally:
            for process in processes:
                process.kill()
                process.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_taken_port_is_told(home: Run) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(os.environ["TERTULIA_PORT"])))
        taken.listen()
        ran = subprocess.run(
            [sys.executable, "-m", "tertulia", "serve"], capture_output=True, timeout=60, check=False
        )
    assert ran.returncode == 4, ran.stderr
    assert b"TERTULIA_PORT" in ran.stderr
    assert b"Traceback" not in ran.stderr
