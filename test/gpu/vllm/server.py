"""`vllm serve` as a process group of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

# Of a log, where a server that failed says why.
_LAST_LINES = 40


class ServerError(RuntimeError):
    """The server did not start, or did not end when asked to."""


class Server:
    """A running server. Use `with`: whatever happens, none of its processes is left."""

    def __init__(self, model: Path, port: int, options: list[str], log: Path) -> None:
        command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", str(model)]
        command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "synthetic", *options]
        self.url, self.log = f"http://127.0.0.1:{port}", log
        with log.open("a", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_group()

    def wait_until_ready(self, seconds: float) -> float:
        """Seconds until it answered. Raises ServerError with the end of its log when it ends or takes too long."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if self.process.poll() is not None:
                raise ServerError(f"{self._last_lines()}\nvllm serve ended with code {self.process.returncode}")
            if self.is_healthy():
                return time.monotonic() - start
            time.sleep(0.5)
        raise ServerError(f"{self._last_lines()}\nvllm serve is not ready after {seconds:.0f} s")

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> float | None:
        """`kill -9` of the process that was started; seconds until the engine's processes have noticed and are gone.

        None when they did not within 20 s and were killed too, as systemd and containers do with what a service leaves.
        """
        self.process.kill()
        self.process.wait()
        seconds = self._wait_for_group(20)
        if seconds is None:
            self._kill_group()
            self._wait_for_group(20)
        return seconds

    def stop(self) -> float:
        """Seconds until all processes are gone after SIGTERM. Raises ServerError when one stays."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired as error:
            raise ServerError("vllm serve goes on 60 s after SIGTERM") from error
        if self._wait_for_group(60) is None:
            raise ServerError(f"processes {list(self._group())} of vllm serve go on 60 s after it ended")
        return time.monotonic() - start

    def host_bytes(self) -> int:
        """Memory of all its processes, what they share counted once."""
        return sum(_proportional_bytes(pid) for pid in self._group())

    def _wait_for_group(self, seconds: float) -> float | None:
        """Seconds until none of its processes is left, None if it takes longer."""
        start = time.monotonic()
        while any(True for _ in self._group()):
            if time.monotonic() - start > seconds:
                return None
            time.sleep(0.2)
        return time.monotonic() - start

    def _kill_group(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()

    def _group(self) -> Iterator[int]:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and _process_group(folder) == self.process.pid:
                yield int(folder.name)

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:])


def _process_group(folder: Path) -> int | None:
    """None of a process that has ended, waited for or not."""
    try:
        # The name, in parentheses, may itself hold spaces and parentheses.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        # Its first thread may end before others, which still hold what it had of the device.
        threads = sum(1 for _ in (folder / "task").iterdir())
    except OSError:
        return None
    state, group = fields[0], fields[2]
    return None if state == "Z" and threads <= 1 else int(group)


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def device_bytes() -> int | None:
    """Memory in use on GPU 0 by whoever; None without one."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]
    try:
        return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout) * 2**20
    except (OSError, subprocess.CalledProcessError):
        return None


def wait_for_device(most: int, seconds: float) -> float | None:
    """Seconds until no more than `most` bytes of GPU 0 are in use, None if it takes longer than `seconds`.

    The driver frees a process's memory after the process is gone.
    """
    start = time.monotonic()
    while (used := device_bytes()) is not None and used > most:
        if time.monotonic() - start > seconds:
            return None
        time.sleep(0.2)
    return time.monotonic() - start
