"""Decode and prefill of a full-size model beside its dense twin, in stock vLLM:

    python test/gpu/vllm/speed.py --model turbosparse-mistral-7b --json FILE

Both are made on the device without weights files (turbosparse.vllm.synthetic, and vLLM's own --load-format dummy), one
process after the other. docs/serving-benchmarks.md explains what is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from shapes import add_model_options, chosen_shape
from summary import serving_record, table
from turbosparse.bench.description import describe
from turbosparse.bench.record import write_json
from turbosparse.synthetic import ModelShape
from turbosparse.vllm.synthetic.configs import dense_config, sparse_config
from turbosparse.vllm.synthetic.folder import write_folder
from turbosparse.vllm.synthetic.unions import DEFAULT_GROWTH, GROWTHS, named_overlap

HERE = Path(__file__).parent
BATCHES = (1, 2, 4, 8, 16, 32, 64)
LOAD_FORMATS = {"dense": "dummy", "sparse": "turbosparse_synthetic"}
# Of a log, where a process that failed says why.
_LAST_LINES = 40


class MeasurementError(RuntimeError):
    """An engine did not end as it should."""


def main() -> int:
    command = _parser()
    options = command.parse_args()
    shape = dataclasses.replace(chosen_shape(command, options), overlap=named_overlap(options.unions))
    found: dict[str, dict[str, Any]] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for side in options.sides:
                found[side] = _measure(side, shape, Path(folder), options)
                # Also of the first side alone: minutes of a large model that a failure of the second must not lose.
                record = serving_record(describe(options.commit), options.model, shape, options.unions, found)
                if options.json is not None:
                    write_json(options.json, record)
    except MeasurementError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(record))
    return 0


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_model_options(found)
    found.add_argument("--batches", type=_batches, default=BATCHES, help="default: 1,2,4,8,16,32,64")
    found.add_argument("--json", type=Path, metavar="FILE", help="write the record there")
    found.add_argument(
        "--unions", choices=sorted(GROWTHS), default=DEFAULT_GROWTH, help="overlap between tokens; default: %(default)s"
    )
    found.add_argument(
        "--repeats", type=int, default=3, help="times of which the median is taken; default: %(default)s"
    )
    found.add_argument("--memory", type=float, default=0.9, help="vLLM's gpu_memory_utilization; default: %(default)s")
    found.add_argument("--sides", type=_sides, default=tuple(LOAD_FORMATS), help="default: dense,sparse")
    found.add_argument(
        "--eager", action="store_true", help="neither torch.compile nor CUDA graphs: a trial of the script"
    )
    found.add_argument("--no-prefill", action="store_true")
    found.add_argument("--logs", type=Path, metavar="DIR", help="keep the engines' output there")
    found.add_argument("--commit", help="commit the wheel was built from")
    return found


def _batches(text: str) -> tuple[int, ...]:
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise ValueError
    return found


def _sides(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not set(found) <= set(LOAD_FORMATS):
        raise ValueError
    return found


def _measure(side: str, shape: ModelShape, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    model = folder / side
    write_folder(model, dense_config(shape) if side == "dense" else sparse_config(shape, shape.overlap))
    engine: dict[str, Any] = {
        "model": str(model),
        "load_format": LOAD_FORMATS[side],
        "dtype": shape.dtype,
        "skip_tokenizer_init": True,
        "max_model_len": 4096,
        "max_num_seqs": max(options.batches),
        "gpu_memory_utilization": options.memory,
        "enable_prefix_caching": False,
        "enforce_eager": options.eager,
        "seed": 0,
    }
    if not options.eager:
        engine["compilation_config"] = {"cudagraph_capture_sizes": sorted(options.batches)}
    spec = {
        "engine": engine,
        "batches": options.batches,
        "repeats": options.repeats,
        "prefill": not options.no_prefill,
        "synthetic": side == "sparse",
    }
    start = time.perf_counter()
    found = _run(side, spec, folder, options.logs or folder)
    print(f"{options.model} {side}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return found


def _run(side: str, spec: dict[str, Any], folder: Path, logs: Path) -> dict[str, Any]:
    spec_file, result_file, log_file = folder / f"{side}.spec", folder / f"{side}.result", logs / f"{side}.log"
    spec_file.write_text(json.dumps(spec), encoding="utf-8")
    logs.mkdir(parents=True, exist_ok=True)
    with log_file.open("w", encoding="utf-8") as log:
        command = [sys.executable, str(HERE / "engine.py"), str(spec_file), str(result_file)]
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False, env=_environment()).returncode
    if code != 0 or not result_file.exists():
        last = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        raise MeasurementError(
            "\n".join([*last, f"the {side} engine ended with code {code}; its last lines are above"])
        )
    return json.loads(result_file.read_text(encoding="utf-8"))


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    # Functions of this folder are sent to the engine's process, which vLLM allows only where it is asked to.
    return os.environ | {"PYTHONPATH": path, "VLLM_ALLOW_INSECURE_SERIALIZATION": "1"}


if __name__ == "__main__":
    sys.exit(main())
