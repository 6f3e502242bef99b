"""How good generated images are, by a classifier's answers and features."""
