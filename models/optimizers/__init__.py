"""Optimisers: what Gin binds, and Adam in its two special forms.

`RECIPES` are those that a Gin file can bind.
"""

from models.optimizers.recipes import Adam, DecayingAdam, RMSprop

RECIPES = (Adam, DecayingAdam, RMSprop)
