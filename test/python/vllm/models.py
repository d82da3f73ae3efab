"""A model constructed and loaded as vLLM does it, without the engine around it."""

import os
import uuid
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import multiprocessing
from turbosparse.weights import SafetensorsFile
from vllm.config import set_current_vllm_config
from vllm.distributed.parallel_state import (
    cleanup_dist_env_and_memory,
    init_distributed_environment,
    initialize_model_parallel,
)
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.model_loader import get_model_loader
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.utils.network_utils import get_open_port
from vllm.utils.torch_utils import set_default_torch_dtype


def stored(folder):
    """`(name, tensor)` of all shards, as a loader streams them."""
    for path in sorted(folder.glob("*.safetensors")):
        file = SafetensorsFile(path)
        for name in file.entries:
            yield name, file.tensor(name)


def sparse_block(model, layer):
    block = model.model.layers[layer]
    return block.mlp if hasattr(block, "mlp") else block.block_sparse_moe.experts


def engine_config(folder, **options):
    defaults = {
        "dtype": "float32",
        "enforce_eager": True,
        "max_model_len": 128,
        "skip_tokenizer_init": True,
        "compilation_config": {"custom_ops": ["none"]},
    }
    return EngineArgs(model=str(folder), **(defaults | options)).create_engine_config()


@contextmanager
def one_rank(config, rank=0, size=1, port=None):
    """The parallel groups of a process, by default of the only one."""
    parallel = config.parallel_config
    with set_current_vllm_config(config):
        init_distributed_environment(size, rank, f"tcp://127.0.0.1:{port or get_open_port()}", rank, "gloo")
        initialize_model_parallel(parallel.tensor_parallel_size, parallel.pipeline_parallel_size)
        try:
            yield
        finally:
            cleanup_dist_env_and_memory()


def on_ranks(config, function, folder):
    """`function(config)` on each rank of the config's parallel groups; what it returned, but for None."""
    size = config.parallel_config.world_size
    # vLLM names memory that the ranks share after this, fails where there is such, and leaves it behind.
    os.environ["VLLM_DIST_IDENT"] = identity = uuid.uuid4().hex
    try:
        # Forked, so that the ranks need not import vLLM again.
        multiprocessing.start_processes(
            _rank, (config, function, folder, size, get_open_port()), nprocs=size, start_method="fork"
        )
    finally:
        for shared in Path("/dev/shm").glob(f"{identity}-*"):
            shared.unlink()
    results = [torch.load(folder / f"rank-{rank}.pt") for rank in range(size)]
    return [result for result in results if result is not None]


def _rank(rank, config, function, folder, size, port):
    config.parallel_config.rank = rank
    with one_rank(config, rank, size, port):
        torch.save(function(config), folder / f"rank-{rank}.pt")


def loaded(config):
    """The model with the checkpoint's tensors, before vLLM packs them for the CPU."""
    with set_default_torch_dtype(config.model_config.dtype):
        model = initialize_model(vllm_config=config, model_config=config.model_config)
    get_model_loader(config.load_config).load_weights(model, config.model_config)
    return model
