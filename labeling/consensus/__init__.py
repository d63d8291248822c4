"""From the answers of annotators to one label, or to the question that remains. Pure NumPy."""
