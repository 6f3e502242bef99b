"""Where tasks run: the contract of executors, local processes, a Ray cluster, devices."""
