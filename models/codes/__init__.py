"""Latent codes: how they are drawn, scored, paired and traversed."""
