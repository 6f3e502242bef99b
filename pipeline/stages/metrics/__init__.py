"""The metric stage: reads images and encoders, writes `codes/` and `scores.csv`."""
