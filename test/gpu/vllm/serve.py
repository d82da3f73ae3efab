"""A full-size synthetic model behind `vllm serve`: clients, garbage, kill -9 and restart, and a soak.

python test/gpu/vllm/serve.py --model turbosparse-mistral-7b --minutes 5 --json FILE
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import checks
from garbage import garbage
from server import Server, ServerError, device_bytes, wait_for_device
from shapes import add_model_options, chosen_shape
from soak import soak
from turbosparse.bench.description import describe
from turbosparse.bench.record import write_json
from turbosparse.synthetic import ModelShape
from turbosparse.vllm.synthetic.configs import sparse_config
from turbosparse.vllm.synthetic.folder import write_folder
from turbosparse.vllm.synthetic.unions import named_overlap

KIND, SCHEMA_VERSION = "turbosparse-soak", 1
_SHORTEST_SOAK = 20.0


def main() -> int:
    command = _parser()
    options = command.parse_args()
    shape = chosen_shape(command, options)
    begin = time.monotonic()
    record = {"schemaVersion": SCHEMA_VERSION, "kind": KIND, **describe(options.commit), "model": options.model}
    try:
        with tempfile.TemporaryDirectory() as folder:
            record |= _run(shape, options, Path(folder), begin + 60 * options.minutes)
    except (ServerError, checks.CheckError) as error:
        print(error, file=sys.stderr)
        return 1
    record["seconds"] = round(time.monotonic() - begin)
    for name, value in record.items():
        print(f"{name:>22}  {value}")
    if options.json is not None:
        write_json(options.json, record)
    return 0


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_model_options(found)
    found.add_argument("--minutes", type=float, default=5.0, help="of everything, both starts included")
    found.add_argument("--json", type=Path, metavar="FILE", help="write the record there")
    found.add_argument(
        "--log", type=Path, default=Path("vllm-serve.log"), help="the servers' output; default: %(default)s"
    )
    found.add_argument("--commit", help="commit the wheel was built from")
    found.add_argument("serve", nargs="*", metavar="-- OPTION", help="further options of vllm serve")
    return found


def _run(shape: ModelShape, options: argparse.Namespace, folder: Path, deadline: float) -> dict[str, Any]:
    write_folder(folder / "model", sparse_config(shape, named_overlap()))
    arguments = ["--load-format", "turbosparse_synthetic", "--max-model-len", "4096", "--max-num-seqs", "64"]
    arguments += options.serve
    found: dict[str, Any] = {"deviceBytesWithout": device_bytes()}

    with Server(folder / "model", _free_port(), arguments, options.log) as server:
        found["startSeconds"] = round(server.wait_until_ready(600), 1)
        text = checks.greedy_text(server.url)
        checks.openai_client(server.url)
        found["garbage"] = garbage(server.url)
        found["tokensOf64Streams"] = checks.concurrent_streams(server.url)
        expected = found["startSeconds"] + 30
        found["soak"] = soak(server, max(deadline - time.monotonic() - expected, _SHORTEST_SOAK))
        checks.expect(checks.greedy_text(server.url) == text, "the same greedy completion after the soak")
        seconds = server.kill()
        found["engineEndedSecondsAfterKill"] = None if seconds is None else round(seconds, 1)
    if found["deviceBytesWithout"] is not None:
        free = wait_for_device(found["deviceBytesWithout"] + 2**30, 60)
        checks.expect(free is not None, f"the GPU's memory is free after the kill, not {device_bytes()} bytes in use")
        found["deviceFreeSecondsAfterKill"] = round(free, 1)

    with Server(folder / "model", _free_port(), arguments, options.log) as server:
        found["restartSeconds"] = round(server.wait_until_ready(600), 1)
        checks.expect(checks.greedy_text(server.url) == text, "the same greedy completion after kill -9 and restart")
        found["secondsToStop"] = round(server.stop(), 1)
    return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
