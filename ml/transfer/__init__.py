"""Pure torch: backbones, fine-tuning, augmentation, export. The only package that imports torch."""
