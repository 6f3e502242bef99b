"""What every test shares: no progress on the terminal, a cache of its own, a clean Gin."""

import os

import gin
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(autouse=True)
def clean_gin():
    yield
    gin.clear_config()


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A folder of rendered data sets that the tests of one session share."""
    return tmp_path_factory.mktemp("cache")
