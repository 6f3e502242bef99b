"""What every test shares: no progress on the terminal, a cache of its own, a clean Gin.

With `-n 2` (pytest-xdist) two processes run a file of tests each. Every one of them computes in one
thread, so that they do not wait for each other, and files with slow tests come first, so that none
is left for the end.
"""

import os

import gin
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items):
    """Put files with slow tests first."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def clean_gin():
    yield
    gin.clear_config()


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A folder of rendered data sets that the tests of one session share."""
    return tmp_path_factory.mktemp("cache")
