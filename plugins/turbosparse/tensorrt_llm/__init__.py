"""TurboSparse models for TensorRT-LLM's PyTorch backend. Importing this package registers them.

`import turbosparse.tensorrt_llm` before `LLM(...)`, or `--custom_module_dirs` with the folder `custom_modules/
turbosparse_models` beside this file. Workers import the model classes' modules by name, and so this package.
"""

if __name__ != "turbosparse.tensorrt_llm":
    raise ImportError(
        f"{__file__} is imported as {__name__}, and so hides TensorRT-LLM: give --custom_module_dirs the folder "
        "custom_modules/turbosparse_models in it, not this one"
    )

from turbosparse.tensorrt_llm.registration import register

register()
