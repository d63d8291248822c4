"""The compiled backbone: ONNX Runtime, Pillow and NumPy only, so that no host here needs torch."""
