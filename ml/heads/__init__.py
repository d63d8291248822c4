"""Heads: from embeddings and soft targets to calibrated probabilities. Pure NumPy."""
