"""Crossovers that `python -m turbosparse.tune` measured, one JSON file a GPU; read by `turbosparse.crossover.table`."""
