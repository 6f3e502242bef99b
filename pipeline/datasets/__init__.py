"""Data sets: one a file, all behind the interface of ``pipeline.datasets.interface``."""
