"""A small classifier of images, trained here: the judge of Inception score, mode KL and FID.

What it classifies is a known factor of the data set, such as the three shapes of dSprites. Its
penultimate layer gives the features of the local Frechet distance.
"""

from collections.abc import Callable

import keras
import numpy as np

from models.networks.architectures import ShapeClassifier
from models.networks.convolutional import BATCH_NORM, derive_seed

PROBABILITIES, FEATURES, LOGITS = (
    "classifier_probabilities",
    "classifier_features",
    "classifier_logits",
)
FINAL_RATE = 0.01  # of the learning rate, reached along a cosine at the last iteration


def build_shape_classifier(
    recipe: ShapeClassifier, image_shape: tuple[int, int, int], num_classes: int, seed: int
) -> keras.Model:
    """Returns images in [0, 1] to (probabilities [batch, num_classes], features [batch, d]).

    Every hidden layer is followed by batch norm and a ReLU; d is the width of the last one.
    """

    def hidden(x, layer):
        x = layer(x)
        x = keras.layers.BatchNormalization(name=f"{layer.name}_norm", **BATCH_NORM)(x)
        return keras.layers.ReLU(name=f"{layer.name}_activation")(x)

    def initializer(name):
        return keras.initializers.HeNormal(seed=derive_seed(seed, "classifier", name))

    images = x = keras.Input(image_shape, name="images")
    for number, filters in enumerate(recipe.conv, start=1):
        name = f"classifier_conv_{number}"
        x = hidden(
            x,
            keras.layers.Conv2D(
                filters,
                recipe.kernel_size,
                2,
                "same",
                use_bias=False,
                kernel_initializer=initializer(name),
                name=name,
            ),
        )
    x = keras.layers.Flatten(name="classifier_flatten")(x)
    for number, units in enumerate(recipe.dense, start=1):
        name = f"classifier_dense_{number}"
        x = hidden(
            x,
            keras.layers.Dense(
                units, use_bias=False, kernel_initializer=initializer(name), name=name
            ),
        )
    features = keras.layers.Identity(name=FEATURES)(x)
    logits = keras.layers.Dense(num_classes, kernel_initializer=initializer(LOGITS), name=LOGITS)(
        features
    )
    probabilities = keras.layers.Softmax(name=PROBABILITIES)(logits)
    return keras.Model(images, (probabilities, features), name="shape_classifier")


def train_shape_classifier(
    classifier: keras.Model,
    next_batch: Callable[[int], tuple[np.ndarray, np.ndarray]],
    iterations: int,
    learning_rate: float,
    on_iteration: Callable[[int, float], bool],
) -> bool:
    """Trains a classifier in place with Adam on the cross-entropy.

    Args:
        classifier: of `build_shape_classifier`.
        next_batch: iteration -> images float32 [batch, h, w, c] in [0, 1], labels int [batch].
        iterations: number of batches.
        learning_rate: at the first iteration; a cosine leads it to `FINAL_RATE` of it.
        on_iteration: called with the number of iterations done and the loss of the last batch;
            training ends early where it returns False.

    Returns:
        Whether all iterations were done.
    """
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
