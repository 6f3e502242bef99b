"""Where tasks run: worker processes, a Ray cluster, devices."""
