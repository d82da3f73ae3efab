"""How sparse a model is on given prompts: `python -m turbosparse profile`."""
