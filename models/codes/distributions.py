"""The parts a latent vector is made of; `models.codes.joint_code.JointCode` puts them side by side.

Informative parts (`UniformCodes`, `CategoricalCode`, `GaussianCodes`, `EmpiricalCodes`) are what an
encoder is to recover; noise parts (`UniformNoise`, `GaussianNoise`) are not. Every part answers the
same questions, with stateless TensorFlow draws for training and numpy draws for evaluation:

    dim                       columns of the latent vector
    num_codes                 regularised codes: one per continuous dimension, one per categorical
    q_dim                     outputs that Q's head needs (0 for noise)
    max_gap                   largest distance that `pair` can keep between two values
    sample(batch, seed)       float32 tensor [batch, dim]
    draw(rng, n)              float32 array [n, dim]
    pair(batch, gap, seed)    two tensors [batch, dim] that differ in every regularised code
    negative_log_likelihood(values, q_outputs)   tensor [batch], summed over the part's codes
    posterior_mean(q_outputs) tensor [batch, dim], the value of the codes expected under Q
    traversal_values(steps, limits)              the values a traversal visits
    column_values(code, value)                   what setting one code to a value writes
"""

import abc
import dataclasses
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from models import checks

if TYPE_CHECKING:
    import tensorflow as tf


# Of the natural logarithm of a learned standard deviation: .018 to 2.7. InfoGAN has no bounds.
LOG_STD_BOUNDS = (-4.0, 1.0)
# Of a pair of Gaussian codes, on [-1, 1]: at 4.9 standard deviations. 1 is infinitely far away.
OUTERMOST_QUANTILE = 1.0 - 1e-6


@dataclasses.dataclass(frozen=True)
class _Continuous(abc.ABC):
    """What parts of independent real-valued columns have in common.

    Attributes:
        dim: number of columns.
    """

    dim: int

    is_noise = False

    def __post_init__(self):
        checks.integer("dim", self.dim, minimum=1)

    @property
    def max_gap(self) -> float:
        return 0.0

    @abc.abstractmethod
    def sample(self, batch: "int | tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """Return draws float32 [batch, dim], a function of the seed."""

    @property
    def num_codes(self) -> int:
        return 0 if self.is_noise else self.dim

    @property
    def q_dim(self) -> int:
        return 2 * self.dim if self.has_learned_std else self.num_codes

    @property
    def has_learned_std(self) -> bool:
        return getattr(self, "learned_std", False)

    def pair(
        self, batch: "int | tf.Tensor", gap: "float | tf.Tensor", seed: "tf.Tensor"
    ) -> "tuple[tf.Tensor, tf.Tensor]":
        """Return two independent draws; parts that can keep a gap override this."""
        from models import draws

        first, second = (self.sample(batch, draws.fold_in(seed, number)) for number in range(2))
        return first, second

    def negative_log_likelihood(self, values: "tf.Tensor", q_outputs: "tf.Tensor") -> "tf.Tensor":
        """Return that of Q's Gaussian: its mean; std 1, or e to the bounded second half."""
        from models.losses import info_gan as losses

        log_std = None
        if self.has_learned_std:
            log_std = losses.bounded_log_std(q_outputs[:, self.dim :], *LOG_STD_BOUNDS)
        return losses.gaussian_negative_log_likelihood(values, q_outputs[:, : self.dim], log_std)

    def posterior_mean(self, q_outputs: "tf.Tensor") -> "tf.Tensor":
        return q_outputs[:, : self.dim] if self.has_learned_std else q_outputs

    def column_values(self, code: int, value: float) -> tuple[slice, float]:
        return slice(code, code + 1), value


@dataclasses.dataclass(frozen=True)
class _Uniform(_Continuous):
    """Columns uniform on [low, high]."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        checks.number("low", self.low)
        if checks.number("high", self.high) <= self.low:
            checks.fail("high", self.high, f"a number above low={self.low}")

    def sample(self, batch: "int | tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        from models import draws

        return draws.uniform((batch, self.dim), seed, self.low, self.high)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.uniform(self.low, self.high, (n, self.dim)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class _Gaussian(_Continuous):
    """Standard normal columns."""

    def sample(self, batch: "int | tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        from models import draws

        return draws.normal((batch, self.dim), seed)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.standard_normal((n, self.dim), dtype=np.float32)


@dataclasses.dataclass(frozen=True)
class UniformCodes(_Uniform):
    """Independent informative codes, each uniform on [low, high].

    Attributes:
        dim: number of codes.
        low: smallest value.
        high: largest value.
        learned_std: whether Q predicts a standard deviation for each code (else it is 1).
    """

    learned_std: bool = False
    # Set where the std is learned: models whose logarithm was free are others.
    log_std_bounds: tuple[float, float] | None = dataclasses.field(
        default=None, init=False, metadata=checks.LATER
    )
    kind: str = dataclasses.field(default="uniform_codes", init=False)

    def __post_init__(self):
        super().__post_init__()
        if checks.flag("learned_std", self.learned_std):
            object.__setattr__(self, "log_std_bounds", LOG_STD_BOUNDS)

    @property
    def max_gap(self) -> float:
        """The length of the range: the two values of a pair at its opposite ends."""
        return self.high - self.low

    def pair(
        self, batch: "int | tf.Tensor", gap: "float | tf.Tensor", seed: "tf.Tensor"
    ) -> "tuple[tf.Tensor, tf.Tensor]":
        """Draw on the range narrowed by gap / 2 at both ends, then moved apart by the gap.

        With gap 0 the two are independent; with the largest gap they sit at opposite ends.
        """
        import tensorflow as tf

        from models import draws

        gap = tf.cast(gap, tf.float32)
        shape = (batch, self.dim)
        first = draws.uniform(shape, draws.fold_in(seed, 0))
        second = draws.uniform(shape, draws.fold_in(seed, 1))
        # Compared before they are scaled: the largest gap leaves no range, and then they are equal.
        shift = tf.where(first > second, gap / 2.0, -gap / 2.0)
        length = self.high - self.low - gap
        first = self.low + gap / 2.0 + length * first + shift
        second = self.low + gap / 2.0 + length * second - shift
        # Rounding may step over the ends by one float32 spacing.
        return tuple(tf.clip_by_value(one, self.low, self.high) for one in (first, second))

    def traversal_values(self, steps: int, limits: tuple[float, float] | None) -> np.ndarray:
        """Return evenly spaced values; without limits over the whole range."""
        return np.linspace(*(limits or (self.low, self.high)), steps, dtype=np.float32)


@dataclasses.dataclass(frozen=True)
class GaussianCodes(_Gaussian):
    """Independent informative codes, each standard normal: the prior of VAEs.

    Attributes:
        dim: number of codes.
        learned_std: whether Q predicts a standard deviation for each code (else it is 1).
    """

    learned_std: bool = False
    # Set where the std is learned: models whose logarithm was free are others.
    log_std_bounds: tuple[float, float] | None = dataclasses.field(
        default=None, init=False, metadata=checks.LATER
    )
    kind: str = dataclasses.field(default="gaussian_codes", init=False)

    def __post_init__(self):
        super().__post_init__()
        if checks.flag("learned_std", self.learned_std):
            object.__setattr__(self, "log_std_bounds", LOG_STD_BOUNDS)

    @property
    def max_gap(self) -> float:
        """The length of the range of a uniform code, see `pair`."""
        return 2.0

    def pair(
        self, batch: "int | tf.Tensor", gap: "float | tf.Tensor", seed: "tf.Tensor"
    ) -> "tuple[tf.Tensor, tf.Tensor]":
        """Return two independent draws, moved apart by the gap as uniform codes are.

        Their quantiles, on [-1, 1], keep the gap: with 1.9 the two sit in opposite tails, beyond
        1.64 standard deviations. Lin et al. 2020 have uniform codes only; this rule is ours.
        """
        import tensorflow as tf

        draws = super().pair(batch, gap, seed)
        gap, root = tf.cast(gap, tf.float32), tf.sqrt(2.0)
        first, second = ((1.0 - gap / 2.0) * tf.math.erf(one / root) for one in draws)
        shift = tf.where(draws[0] > draws[1], gap / 2.0, -gap / 2.0)
        moved = (
            tf.clip_by_value(one, -OUTERMOST_QUANTILE, OUTERMOST_QUANTILE)
            for one in (first + shift, second - shift)
        )
        first, second = (
            tf.where(gap > 0.0, root * tf.math.erfinv(quantile), draw)
            for quantile, draw in zip(moved, draws, strict=True)
        )
        return first, second

    def traversal_values(self, steps: int, limits: tuple[float, float] | None) -> np.ndarray:
        """Return evenly spaced values; without limits over two standard deviations each way."""
        return np.linspace(*(limits or (-2.0, 2.0)), steps, dtype=np.float32)


@dataclasses.dataclass(frozen=True)
class EmpiricalCodes(_Continuous):
    """Informative codes without a prior: a draw is the code of some training image.

    They can be drawn once they are `fitted` to codes of training images; training itself, which
    encodes its images, never draws them.

    Attributes:
        dim: number of codes.
    """

    kind: str = dataclasses.field(default="empirical_codes", init=False)

    _values: ClassVar[np.ndarray | None] = None  # [images, dim], set on the copy by `fitted`

    def fitted(self, values: np.ndarray) -> "EmpiricalCodes":
        """Return these codes with the distribution of `values` [images, dim]: each as likely."""
        values = np.asarray(values, np.float32)
        if values.ndim != 2 or values.shape[1] != self.dim or not len(values):
            checks.fail("values", values.shape, f"codes of images, [images, {self.dim}]")
        codes = EmpiricalCodes(self.dim)
        object.__setattr__(codes, "_values", values)
        return codes

    def sample(self, batch: "int | tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """Raise `ValueError`: there is no prior to sample."""
        checks.fail("codes", self, "codes with a prior: this method draws codes in training")

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return the codes of n training images, float32 [n, dim], drawn with replacement."""
        values = self._fitted_values()
        return values[rng.integers(len(values), size=n)]

    def traversal_values(self, steps: int, limits: tuple[float, float] | None) -> np.ndarray:
        """Return evenly spaced values; without limits over the middle 95% of all codes' values."""
        low, high = limits or np.quantile(self._fitted_values(), (0.025, 0.975))
        return np.linspace(low, high, steps, dtype=np.float32)

    def _fitted_values(self) -> np.ndarray:
        if self._values is None:
            checks.fail("codes", self, "codes fitted to training images: they have no prior")
        return self._values


@dataclasses.dataclass(frozen=True)
class CategoricalCode:
    """One informative code with equally likely classes, written as a one-hot vector.

    Attributes:
        num_classes: number of classes, the columns of the one-hot vector.
    """

    num_classes: int
    kind: str = dataclasses.field(default="categorical_code", init=False)

    is_noise = False
    num_codes = 1
    max_gap = float("inf")  # the classes of a pair differ whatever the gap

    def __post_init__(self):
        checks.integer("num_classes", self.num_classes, minimum=2)

    @property
    def dim(self) -> int:
        """One column for each class."""
        return self.num_classes

    @property
    def q_dim(self) -> int:
        """One logit for each class."""
        return self.num_classes

    def sample(self, batch: "int | tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """Return one-hot rows, float32 [batch, num_classes]."""
        import tensorflow as tf

        from models import draws

        classes = draws.integers((batch,), seed, 0, self.num_classes)
        return tf.one_hot(classes, self.num_classes)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return one-hot rows, float32 [n, num_classes]."""
        return np.eye(self.num_classes, dtype=np.float32)[rng.integers(self.num_classes, size=n)]

    def pair(
        self, batch: "int | tf.Tensor", gap: "float | tf.Tensor", seed: "tf.Tensor"
    ) -> "tuple[tf.Tensor, tf.Tensor]":
        """Return two different classes, all ordered pairs equally likely, whatever the gap.

        InfoGAN-CR has no categorical codes; this rule is ours: were equal classes possible, the
        pair would share a code that the contrastive network is told it does not share.
        """
        import tensorflow as tf

        from models import draws

        first = draws.integers((batch,), draws.fold_in(seed, 0), 0, self.num_classes)
        step = draws.integers((batch,), draws.fold_in(seed, 1), 1, self.num_classes)
        second = (first + step) % self.num_classes
        return tf.one_hot(first, self.num_classes), tf.one_hot(second, self.num_classes)

    def negative_log_likelihood(self, values: "tf.Tensor", q_outputs: "tf.Tensor") -> "tf.Tensor":
        """Return the cross-entropy of Q's softmax."""
        from models.losses import info_gan as losses

        return losses.categorical_negative_log_likelihood(values, q_outputs)

    def posterior_mean(self, q_outputs: "tf.Tensor") -> "tf.Tensor":
        """Return the softmax: the mean of a one-hot vector is the probabilities of its classes."""
        import keras

        return keras.ops.softmax(q_outputs, axis=-1)

    def traversal_values(self, steps: int, limits: tuple[float, float] | None) -> np.ndarray:
        """Return the classes, each once: neither steps nor limits mean anything here."""
        return np.arange(self.num_classes, dtype=np.float32)

    def column_values(self, code: int, value: float) -> tuple[slice, np.ndarray]:
        """Return all columns and the one-hot vector of class `value`."""
        if value not in range(self.num_classes):
            checks.fail("value", value, f"a class between 0 and {self.num_classes - 1}")
        return slice(0, self.dim), np.eye(self.num_classes, dtype=np.float32)[int(value)]


@dataclasses.dataclass(frozen=True)
class UniformNoise(_Uniform):
    """Noise, each column uniform on [low, high].

    Attributes:
        dim: number of columns.
        low: smallest value.
        high: largest value.
    """

    kind: str = dataclasses.field(default="uniform_noise", init=False)

    is_noise = True


@dataclasses.dataclass(frozen=True)
class GaussianNoise(_Gaussian):
    """Noise, each column standard normal.

    Attributes:
        dim: number of columns.
    """

    kind: str = dataclasses.field(default="gaussian_noise", init=False)

    is_noise = True
