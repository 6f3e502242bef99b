"""Which model of a pool to take, without labels."""
