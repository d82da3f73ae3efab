"""What the running server does, in vLLM's log at debug level: paths, densities and crossovers.

Above debug level nothing of this package runs: whether it does is decided once, when the operators are registered. At
debug level each call of a layer adds to counters on its device, within CUDA graphs too, where no Python runs; a copy of
them comes back without a wait, every VLLM_LOG_STATS_INTERVAL seconds.
"""

from turbosparse.vllm.metrics.observer import Observer, observer_at_debug_level

__all__ = ["Observer", "observer_at_debug_level"]
