"""The interfaces of TensorRT-LLM 1.2 that the adapter uses, recorded from its public sources.

Each module names the file of NVIDIA/TensorRT-LLM and the commit that its signatures are of; what they compute is
plain torch. A call that the recorded signature does not allow fails as it would there.
"""

__version__ = "1.2.1"
