"""A small classifier of images, trained here: the judge of Inception score, mode KL and FID.

What it classifies is a known factor of the data set, such as the three shapes of dSprites. Its
penultimate layer gives the features of the local Frechet distance.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from models import checks

if TYPE_CHECKING:
    import keras

PROBABILITIES, FEATURES, LOGITS = (
    "classifier_probabilities",
    "classifier_features",
    "classifier_logits",
)
FINAL_RATE = 0.01  # of the learning rate, reached along a cosine at the last iteration


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShapeClassifier:
    """A classifier of a known factor: stride-2 convolutions, dense layers, a logit for each class.

    Batch norm and a ReLU follow each hidden layer; the last one gives the features.

    Attributes:
        conv: channels of the convolutions.
        dense: units of the dense layers before the logits.
        kernel_size: of every convolution.
        learning_rate: of Adam at the first iteration.
    """

    conv: tuple[int, ...] = (32, 32, 64, 64)
    dense: tuple[int, ...] = (128,)
    kernel_size: int = 4
    learning_rate: float = 1e-3
    kind: str = dataclasses.field(default="shape_classifier", init=False)

    def __post_init__(self):
        for name in ("conv", "dense"):
            value = checks.positive_integers(name, getattr(self, name), allow_empty=False)
            object.__setattr__(self, name, value)
        checks.integer("kernel_size", self.kernel_size, minimum=1)
        checks.positive_number("learning_rate", self.learning_rate)

    def build(
        self, image_shape: tuple[int, int, int], num_classes: int, seed: int
    ) -> "keras.Model":
        """Return images in [0, 1] to (probabilities [batch, num_classes], features [batch, d]).

        Every hidden layer is followed by batch norm and a ReLU; d is the width of the last one.
        """
        import keras

        from models.networks.layer_maker import BATCH_NORM, derive_seed

        def options(name: str) -> dict[str, Any]:
            initializer = keras.initializers.HeNormal(seed=derive_seed(seed, "classifier", name))
            return {"kernel_initializer": initializer, "name": name}

        def hidden(x: "keras.KerasTensor", layer: "keras.layers.Layer") -> "keras.KerasTensor":
            x = keras.layers.BatchNormalization(name=f"{layer.name}_norm", **BATCH_NORM)(layer(x))
            return keras.layers.ReLU(name=f"{layer.name}_activation")(x)

        images = x = keras.Input(image_shape, name="images")
        for number, filters in enumerate(self.conv, start=1):
            named = options(f"classifier_conv_{number}")
            shape = (filters, self.kernel_size, 2, "same")
            x = hidden(x, keras.layers.Conv2D(*shape, use_bias=False, **named))
        x = keras.layers.Flatten(name="classifier_flatten")(x)
        for number, units in enumerate(self.dense, start=1):
            named = options(f"classifier_dense_{number}")
            x = hidden(x, keras.layers.Dense(units, use_bias=False, **named))
        features = keras.layers.Identity(name=FEATURES)(x)
        logits = keras.layers.Dense(num_classes, **options(LOGITS))(features)
        probabilities = keras.layers.Softmax(name=PROBABILITIES)(logits)
        return keras.Model(images, (probabilities, features), name="shape_classifier")


def train_shape_classifier(
    classifier: "keras.Model",
    next_batch: Callable[[int], tuple[np.ndarray, np.ndarray]],
    iterations: int,
    learning_rate: float,
    on_iteration: Callable[[int, float], bool],
) -> bool:
    """Train a classifier in place with Adam on the cross-entropy.

    Args:
        classifier: of `ShapeClassifier.build`.
        next_batch: iteration -> images float32 [batch, h, w, c] in [0, 1], labels int [batch].
        iterations: number of batches.
        learning_rate: at the first iteration; a cosine leads it to `FINAL_RATE` of it.
        on_iteration: called with the number of iterations done and the loss of the last batch;
            training ends early where it returns False.

    Returns:
        Whether all iterations were done.
    """
    import keras

    trained = keras.Model(classifier.inputs[0], classifier.get_layer(LOGITS).output)
    trained.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(learning_rate, iterations, alpha=FINAL_RATE)
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    for iteration in range(iterations):
        trained.reset_metrics()  # or the loss would be the mean over all batches so far
        loss = trained.train_on_batch(*next_batch(iteration))
        if not on_iteration(iteration + 1, float(loss)):
            return False
    return True
