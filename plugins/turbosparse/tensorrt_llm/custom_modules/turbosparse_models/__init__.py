"""For `--custom_module_dirs`, which imports a folder by its bare name with the folder around it on the path."""

import turbosparse.tensorrt_llm  # noqa: F401  registers the models
