"""A function on two processes, each a rank of one tensor-parallel group."""

import socket

import torch
from torch import distributed, multiprocessing


def on_ranks(size, function, folder):
    """What `function(rank)` returned on each rank. Forked, so that ranks have the recorded version that is imported."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    arguments = (size, function, folder, address)
    multiprocessing.start_processes(_rank, arguments, nprocs=size, start_method="fork")
    return [torch.load(folder / f"rank-{rank}.pt") for rank in range(size)]


def _rank(rank, size, function, folder, address):
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=size)
    try:
        torch.save(function(rank), folder / f"rank-{rank}.pt")
    finally:
        distributed.destroy_process_group()
