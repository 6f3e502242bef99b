"""Adversarial methods: for each, what Gin binds and, in `*_model`, its train step."""
