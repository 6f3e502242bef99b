"""TensorFlow as a worker imports it."""

import subprocess
import sys


def test_what_keras_does_without_is_left_out_and_can_be_imported_later():
    code = """
import sys
from pipeline.execution import tensorflow_setup
tensorflow_setup.configure()
assert {"tensorflow", "keras"} <= set(sys.modules)
assert not {"sklearn", "matplotlib"} & set(sys.modules)
import matplotlib, sklearn.linear_model
tensorflow_setup.configure()  # again: what is there stays
assert {"sklearn", "matplotlib"} <= set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
