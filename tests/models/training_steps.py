"""Training steps taken one by one, and what they change, for the tests of every method's model."""

import numpy as np


def values(model):
    """Return a copy of the state, by name."""
    return {name: variable.numpy().copy() for name, variable in model.state.items()}


def moved(before, model):
    """Return the names of what differs from `before`, which `values` gave."""
    after = values(model)
    return {name for name in before if not np.array_equal(before[name], after[name])}


def train(model, images, iterations):
    """Do iterations as eager code, with the host's part before each; return the last losses."""
    for _ in range(iterations):
        model.begin_segment(int(model.iteration.numpy()))
        results = model.train_step(images)
    return {name: float(value) for name, value in results.items()}


def names(model, *prefixes, without=()):
    """Return the names of the state that begin so and have none of the words of `without`."""
    return {
        name
        for name in model.state
        if name.startswith(prefixes) and not any(word in name for word in without)
    }
