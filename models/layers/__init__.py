"""Layers of the networks, and augmentations of images."""
