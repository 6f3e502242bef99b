"""Optimisers: what Gin binds, and Adam in its two special forms."""
