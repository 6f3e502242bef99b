"""How the classes of methods and of their models are built."""

import importlib
import inspect
import pkgutil

import pytest

from models import gans, vaes
from models.base import Method
from models.methods import TRAIN_STEP, methods

METHODS = methods()
MODULES = {
    f"{package.__name__}.{info.name}"
    for package in (gans, vaes)
    for info in pkgutil.iter_modules(package.__path__)
}


def classes_between(kind, base):
    """Return the classes above `kind` that are below `base`, `kind` among them."""
    return [one for one in kind.__mro__ if issubclass(one, base) and one is not base]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_at_most_two_classes_deep(name):
    assert len(classes_between(METHODS[name], Method)) <= 2


def test_a_model_is_at_most_two_classes_deep_and_no_class_is_empty():
    from models.trained_model import TrainedModel

    for module in sorted(MODULES):
        for kind in vars(importlib.import_module(module)).values():
            if not inspect.isclass(kind) or kind.__module__ != module:
                continue
            if issubclass(kind, TrainedModel):
                assert len(classes_between(kind, TrainedModel)) <= 2, kind
            own = {one for one in vars(kind) if not one.startswith("__")}
            assert own or "__init__" in vars(kind), f"{kind} is empty"


def test_every_gan_has_its_train_step_beside_it():
    for name, method in METHODS.items():
        if method.__module__.startswith("models.gans."):
            assert method.__module__ + TRAIN_STEP in MODULES, name


def test_the_names_of_gin_are_those_of_the_modules():
    names = {"vae", "annealed_vae", "factor_vae", "beta_tcvae", "dip_vae", "hfvae", "chyvae"}
    names |= {"infogan", "infogan_cr", "tc_infogan", "ib_gan", "codegan", "cvae_gan"}
    assert names <= METHODS.keys()
    assert all(not inspect.isabstract(method) for method in METHODS.values())
