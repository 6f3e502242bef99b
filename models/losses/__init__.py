"""Losses: pure, unweighted, scalar functions of tensors."""
