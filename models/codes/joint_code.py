"""The latent vector of a model: an object that samples, scores, traverses and pairs."""

import dataclasses
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from models import checks
from models.codes.distributions import (
    CategoricalCode,
    EmpiricalCodes,
    GaussianCodes,
    GaussianNoise,
    UniformCodes,
    UniformNoise,
)

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = [
    "CategoricalCode",
    "EmpiricalCodes",
    "FeatureCode",
    "GaussianCodes",
    "GaussianNoise",
    "JointCode",
    "UniformCodes",
    "UniformNoise",
]

PARTS = (
    UniformCodes,
    CategoricalCode,
    GaussianCodes,
    EmpiricalCodes,
    UniformNoise,
    GaussianNoise,
)


@dataclasses.dataclass(frozen=True)
class JointCode:
    """Informative codes and noise, independent of each other, side by side in one vector.

    Layout of the latent vector [latent_dim]: the informative parts in the order given, then the
    noise parts. A continuous part takes one column for each code, a categorical one a column
    for each class. Q's outputs [q_dim] follow the same order: means (then log standard deviations
    where learned) of a continuous part, logits of a categorical one. An encoder's output [code_dim]
    matches the first code_dim columns of the latent vector.

    Attributes:
        parts: the distributions, at least one of them informative. Noise is moved to the end.

    Raises:
        ValueError: a part is not one of `PARTS`, or none is informative.
    """

    parts: tuple[Any, ...]

    def __post_init__(self):
        if not isinstance(self.parts, tuple | list):
            checks.fail("parts", self.parts, "a tuple of code and noise recipes")
        for part in self.parts:
            checks.instance("parts", part, PARTS)
        informative = tuple(part for part in self.parts if not part.is_noise)
        if not informative:
            checks.fail("parts", self.parts, "at least one informative code")
        noise = tuple(part for part in self.parts if part.is_noise)
        object.__setattr__(self, "parts", informative + noise)

    # Whether an encoder tells the class by features, so that its output is no latent vector.
    is_told_by_features = False

    @property
    def latent_dim(self) -> int:
        """Length of the latent vector."""
        return sum(part.dim for part in self.parts)

    @property
    def code_dim(self) -> int:
        """Length of an encoder's output: the latent vector without its noise."""
        return sum(part.dim for part in self.informative)

    @property
    def num_codes(self) -> int:
        """Regularised codes: each continuous code and each categorical code is one."""
        return sum(part.num_codes for part in self.parts)

    @property
    def q_dim(self) -> int:
        """Outputs of Q's head."""
        return sum(part.q_dim for part in self.parts)

    @property
    def code_of_column(self) -> tuple[int, ...]:
        """The number of the regularised code in each column of an encoder's output."""
        widths = [self.columns(code) for code in range(self.num_codes)]
        return tuple(code for code, one in enumerate(widths) for _ in range(one.start, one.stop))

    @property
    def class_code(self) -> int | None:
        """The regularised code that is categorical; None where there is none, or several."""
        number, found = 0, []
        for part in self.informative:
            if isinstance(part, CategoricalCode):
                found.append(number)
            number += part.num_codes
        return found[0] if len(found) == 1 else None

    @property
    def num_classes(self) -> int:
        """Classes of the only categorical code; 0 where `class_code` is None."""
        if self.class_code is None:
            return 0
        return self._locate(self.class_code)[0].num_classes

    @property
    def class_features(self) -> slice:
        """Columns of an encoder's output in which it tells classes: here their probabilities."""
        return self.columns(self.only_class_code())

    @property
    def code_names(self) -> tuple[str, ...]:
        """A name for each regularised code, numbered by kind: uniform_1, categorical_1, ..."""
        return tuple(name for names in self.names_of_parts for name in names)

    @property
    def names_of_parts(self) -> tuple[tuple[str, ...], ...]:
        """The names of the codes of each informative part."""
        found: list[tuple[str, ...]] = []
        counts: dict[str, int] = {}
        for part in self.informative:
            kind = part.kind.split("_")[0]
            first = counts.get(kind, 0) + 1
            counts[kind] = counts.get(kind, 0) + part.num_codes
            found.append(tuple(f"{kind}_{number}" for number in range(first, counts[kind] + 1)))
        return tuple(found)

    @property
    def has_prior(self) -> bool:
        """Whether latent vectors can be drawn without any images."""
        return not any(isinstance(part, EmpiricalCodes) for part in self.parts)

    def fitted(self, codes: np.ndarray) -> "JointCode":
        """Return this latent vector with its codes that have no prior drawn from images' codes.

        Args:
            codes: [images, code_dim], training images through an encoder.
        """
        parts, start = [], 0
        for part in self.parts:
            columns = slice(start, start + part.dim)
            is_empirical = isinstance(part, EmpiricalCodes)
            parts.append(part.fitted(codes[:, columns]) if is_empirical else part)
            start += part.dim
        return JointCode(tuple(parts))

    def sample(self, batch: "int | tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """Return float32 [batch, latent_dim], a function of `seed`, an integer tensor [2]."""
        import tensorflow as tf

        draws = [
            part.sample(batch, seeds[0])
            for part, seeds in zip(self.parts, self._seeds(seed), strict=True)
        ]
        return tf.concat(draws, axis=1)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return float32 [n, latent_dim]."""
        return np.concatenate([part.draw(rng, n) for part in self.parts], axis=1)

    def draw_group(self, rng: np.random.Generator, group_size: int, fixed_code: int) -> np.ndarray:
        """Return float32 [group_size, latent_dim] in which one regularised code is constant.

        Its value is that of the first sample; everything else is free (ModelCentrality).
        """
        group = self.draw(rng, group_size)
        columns = self.columns(fixed_code)
        group[:, columns] = group[0, columns]
        return group

    def draw_class(self, rng: np.random.Generator, n: int, value: int) -> np.ndarray:
        """Return float32 [n, latent_dim] of one class of the only categorical code; rest free."""
        latents = self.draw(rng, n)
        columns = self.columns(self.only_class_code())
        latents[:, columns] = np.eye(self.num_classes, dtype=np.float32)[value]
        return latents

    def negative_log_likelihood(
        self, latents: "tf.Tensor", q_outputs: "tf.Tensor", parts: Collection[int] | None = None
    ) -> "tf.Tensor":
        """Return -log Q(c | x), summed over the codes and averaged over the batch.

        Args:
            latents: [batch, latent_dim]; noise columns are ignored.
            q_outputs: [batch, q_dim], see the layout above.
            parts: numbers of the informative parts whose codes count; None: all.
        """
        import tensorflow as tf

        total = 0.0
        for number, (part, columns, outputs) in enumerate(self._informative_slices()):
            if parts is None or number in parts:
                total += part.negative_log_likelihood(latents[:, columns], q_outputs[:, outputs])
        return tf.reduce_mean(total)

    def outputs_of(self, names: Collection[str]) -> np.ndarray:
        """Return which of Q's outputs are of the codes so named (`code_names`): bool [q_dim]."""
        chosen = [name in names for name in self.code_names]
        of_parts, first = [], 0
        for part in self.informative:
            of_part = chosen[first : first + part.num_codes]
            of_parts.append(np.resize(of_part, part.q_dim))  # means, then log standard deviations
            first += part.num_codes
        return np.concatenate(of_parts)

    def posterior_mean(self, q_outputs: "tf.Tensor") -> "tf.Tensor":
        """Return [batch, code_dim], the codes expected under Q; takes Keras tensors as well."""
        import keras

        means = [
            part.posterior_mean(q_outputs[:, outputs])
            for part, _, outputs in self._informative_slices()
        ]
        return means[0] if len(means) == 1 else keras.ops.concatenate(means, axis=-1)

    def columns(self, code_index: int) -> slice:
        """Return the columns of the latent vector that hold regularised code `code_index`."""
        part, code, start = self._locate(code_index)
        columns, _ = part.column_values(code, 0)
        return slice(start + columns.start, start + columns.stop)

    def traversal_values(
        self, code_index: int, steps: int = 10, limits: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Return the values [steps] over which to move code `code_index`.

        Continuous codes move evenly over `limits` (default: the range of a uniform code, two
        standard deviations of a Gaussian one); categorical codes visit each class once.
        """
        return self._locate(code_index)[0].traversal_values(steps, limits)

    def traverse(self, base: np.ndarray, code_index: int, values: np.ndarray) -> np.ndarray:
        """Return copies of a latent vector with one code set to each value.

        Args:
            base: [latent_dim].
            code_index: the regularised code to set.
            values: [steps]; classes for a categorical code.

        Returns:
            float32 [steps, latent_dim].
        """
        part, code, start = self._locate(code_index)
        path = np.repeat(np.asarray(base, np.float32)[np.newaxis], len(values), axis=0)
        for row, value in zip(path, values, strict=True):
            columns, content = part.column_values(code, value)
            row[start + columns.start : start + columns.stop] = content
        return path

    def check_gap(self, name: str, gap: float) -> None:
        """Raise `ValueError` unless 0 <= gap and every part can keep it (see `pair`)."""
        largest = min(part.max_gap for part in self.informative)
        checks.number(name, gap, minimum=0.0, maximum=largest if np.isfinite(largest) else None)

    def pair(
        self, batch: "int | tf.Tensor", gap: "float | tf.Tensor", seed: "tf.Tensor"
    ) -> "tuple[tf.Tensor, tf.Tensor, tf.Tensor]":
        """Draw latent vectors that share exactly one regularised code and all of the noise.

        Args:
            batch: number of pairs.
            gap: least distance between two uniform codes that are not shared, a float or a
                scalar tensor; a float is checked, a tensor should have been (`check_gap`).
                Categorical codes that are not shared have different classes at any gap;
                Gaussian codes are independent draws and know the gap 0 only.
            seed: an integer tensor [2].

        Returns:
            (first, second, index): float32 [batch, latent_dim] twice; int32 [batch], the shared
            code, uniform over the num_codes.
        """
        import tensorflow as tf

        from models import draws

        if isinstance(gap, int | float):
            self.check_gap("gap", gap)
        index_seed = draws.fold_in(seed, 2 * len(self.parts))
        index = draws.integers((batch,), index_seed, 0, self.num_codes)
        firsts, seconds, first_code = [], [], 0
        for part, (own_seed, pair_seed) in zip(self.parts, self._seeds(seed), strict=True):
            own = part.sample(batch, own_seed)
            if part.is_noise:
                firsts.append(own)
                seconds.append(own)
                continue
            first, second = part.pair(batch, gap, pair_seed)
            # One flag a column: a categorical code's columns are shared together.
            codes = np.arange(part.dim) if part.num_codes > 1 else np.zeros(part.dim, np.int32)
            is_shared = index[:, tf.newaxis] == tf.constant(first_code + codes, tf.int32)
            firsts.append(tf.where(is_shared, own, first))
            seconds.append(tf.where(is_shared, own, second))
            first_code += part.num_codes
        return tf.concat(firsts, axis=1), tf.concat(seconds, axis=1), index

    @property
    def informative(self) -> tuple[Any, ...]:
        """The parts that are no noise, in order."""
        return tuple(part for part in self.parts if not part.is_noise)

    def _informative_slices(self) -> Iterator[tuple[Any, slice, slice]]:
        """Yield each informative part with its columns of latents and of Q's outputs."""
        column, output = 0, 0
        for part in self.informative:
            yield part, slice(column, column + part.dim), slice(output, output + part.q_dim)
            column, output = column + part.dim, output + part.q_dim

    def only_class_code(self) -> int:
        """Return `class_code`; raise ValueError where there is none."""
        if self.class_code is None:
            checks.fail("codes", self, "codes of which exactly one is categorical")
        return self.class_code

    def _locate(self, code_index: int) -> tuple[Any, int, int]:
        """Return the part that holds a regularised code, its number there, the first column."""
        code = checks.integer("code_index", code_index, minimum=0)
        for part, columns, _ in self._informative_slices():
            if code < part.num_codes:
                return part, code, columns.start
            code -= part.num_codes
        return checks.fail("code_index", code_index, f"an integer below {self.num_codes}")

    def _seeds(self, seed: "tf.Tensor") -> "Iterator[tuple[tf.Tensor, tf.Tensor]]":
        """Yield two seeds for each part: one for its own draw, one for a pair's values."""
        from models import draws

        for number in range(len(self.parts)):
            yield draws.fold_in(seed, 2 * number), draws.fold_in(seed, 2 * number + 1)


@dataclasses.dataclass(frozen=True)
class FeatureCode(JointCode):
    """One categorical code, told by features instead of probabilities, and noise: CoDeGAN's.

    Layout of the latent vector: the one-hot class, then the noise. Layout of an encoder's output
    [code_dim]: features of the class, of length 1, then the noise that it reconstructs.

    Attributes:
        parts: one `CategoricalCode`, and noise.
        feature_dim: number of features.

    Raises:
        ValueError: the parts are others.
    """

    feature_dim: int

    is_told_by_features = True

    def __post_init__(self):
        super().__post_init__()
        checks.integer("feature_dim", self.feature_dim, minimum=2)
        is_one_class = isinstance(self.parts[0], CategoricalCode) and self.num_codes == 1
        if not is_one_class or self.noise_dim < 1:
            checks.fail("parts", self.parts, "one CategoricalCode, and noise")

    @property
    def noise_dim(self) -> int:
        """Columns of noise."""
        return self.latent_dim - self.num_classes

    @property
    def code_dim(self) -> int:
        """Length of an encoder's output: features and noise."""
        return self.feature_dim + self.noise_dim

    @property
    def class_features(self) -> slice:
        """Columns of an encoder's output in which it tells classes."""
        return slice(0, self.feature_dim)
