"""Trains a small model in TurboSparse-Mistral's layout, whose sparsity is learned instead of planted."""
