"""The train stage: reads images, writes `models/` and `models.csv`."""
