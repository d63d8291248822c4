"""Active learning played offline on a fixed table with known labels. Pure NumPy."""
