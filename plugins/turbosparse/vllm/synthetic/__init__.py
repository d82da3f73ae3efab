"""Full-size models from config.json alone, made on the device: `--load-format turbosparse_synthetic`.

They run a server's real computation, predictors on its own hidden states included, and activate a planned share of the
neurons, with a planned overlap between tokens, so that speed and memory can be measured without released weights.
`python -m turbosparse.vllm.synthetic --help` makes the folders.
"""
