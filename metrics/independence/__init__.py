"""How independent codes are of each other; no factors needed."""
