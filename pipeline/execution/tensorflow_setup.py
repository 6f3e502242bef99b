"""TensorFlow as a worker process uses it: threads, devices, determinism."""

import contextlib
import os
import sys
from collections.abc import Iterator

from pipeline.errors import StageError
from pipeline.execution import devices
from pipeline.execution.cluster import read_cluster


def configure(replicas: int = 1) -> None:
    """Import TensorFlow with this worker's number of threads; call before any other use of it.

    Args:
        replicas: Devices that a model will be trained on. Where there is no GPU, the processor
            is made to look like so many.

    Raises:
        StageError: If there are GPUs, but fewer than `replicas`.
    """
    with _native_messages_hidden(), _left_out("sklearn", "matplotlib"):
        import tensorflow as tf

        threads = int(os.environ.get("PIPELINE_THREADS", "0"))
        with contextlib.suppress(RuntimeError):  # already initialised, with the same numbers
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(max(1, threads))
        gpus = tf.config.list_physical_devices("GPU")
    if read_cluster().num_machines == 1:
        devices.check_replicas(replicas, len(gpus))
    if replicas > 1 and not gpus and read_cluster().num_machines == 1:
        (processor,) = tf.config.list_physical_devices("CPU")
        virtual = [tf.config.LogicalDeviceConfiguration()] * replicas
        tf.config.set_logical_device_configuration(processor, virtual)
    for device in gpus:
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(device, True)
    tf.config.experimental.enable_op_determinism()
    _set_keras_defaults()
    # One network is compiled once for each of its uses; TensorFlow takes that for a mistake.
    tf.get_logger().setLevel("ERROR")


def _set_keras_defaults() -> None:
    """Set what Keras would otherwise take from a file of the user or from the environment."""
    import keras

    if keras.config.backend() != "tensorflow":
        raise StageError(
            "Keras works with another library. Expected TensorFlow: set KERAS_BACKEND=tensorflow "
            f"before Keras is imported. Received: keras.config.backend()={keras.config.backend()!r}"
        )
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")  # a training may then set another
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


@contextlib.contextmanager
def _left_out(*libraries: str) -> Iterator[None]:
    """Import without libraries that Keras does without: its wrappers and galleries, unused here.

    They take a third of a worker's start. Afterwards they can be imported as ever.
    """
    absent = {name: None for name in libraries if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # None: the import fails
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextlib.contextmanager
def _native_messages_hidden() -> Iterator[None]:
    """Keep what native libraries print while they load (no GPU found, ...) off the terminal.

    They write to the file descriptor, before any setting of theirs is read. Python's own errors
    still come out as exceptions.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
