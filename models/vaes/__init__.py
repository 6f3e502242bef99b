"""Variational autoencoders: for each, what Gin binds and its regulariser."""
