"""Training on a device that has JAX but no TensorFlow: lower here, run there, adopt here.

`lower` writes what XLA makes of the very iterations that users train, as StableHLO, with the first
weights and the order of the batches. `run` needs nothing but JAX, NumPy and the images, and keeps
states. `adopt` makes of them what a training leaves in a run, which `run_pipeline.py` then exports,
scores and selects from as if it had trained it.
"""
