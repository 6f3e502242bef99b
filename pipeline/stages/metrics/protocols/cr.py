"""The protocol of InfoGAN-CR (Lin et al. 2020)."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

import metrics
from models import checks
from pipeline.datasets.interface import Dataset
from pipeline.errors import ConfigurationError, did_you_mean
from pipeline.stages.metrics.protocols.protocol import Offer, Protocol
from pipeline.stages.metrics.protocols.sample import Draw, Sample, draw_groups, draw_points


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrProtocol(Protocol):
    """The InfoGAN-CR paper's: scored on the data that were fitted, nothing pruned.

    Attributes:
        num_points: Points for spreads and point metrics (published: 73,728 of dSprites, 20,000
            teapots, 108 CdSprites).
        num_groups: Groups of FactorVAE and BetaVAE (500; CdSprites 200); group g fixes factor
            g mod K.
        group_size: Images of a group (100; CdSprites 25).
        nominal_factors: Factors without an order, besides those that the data set names: SAP
            classifies them and correlates the rest. None: 'shape' and 'label', where there is
            such a factor; names that are given must be those of factors.
        forest_depths: Depth of the trees of dci_random_forest, one a factor; None: (4, 5, 2, 5, 5)
            where five factors vary, else 5 for all. The IB-GAN paper's are (4, 2, 4, 2, 2).
    """

    name: ClassVar[str] = "cr"
    scores_draws: ClassVar[bool] = True  # as published, see `pipeline.inference.posterior_draws`

    num_points: int
    num_groups: int
    group_size: int
    nominal_factors: tuple[str, ...] | None = None
    forest_depths: tuple[int, ...] | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.nominal_factors is not None:
            expected = "None, or a tuple of names of factors"
            if not isinstance(self.nominal_factors, tuple | list) or not all(
                isinstance(name, str | bytes) for name in self.nominal_factors
            ):
                checks.fail("cr_protocol.nominal_factors", self.nominal_factors, expected)
            names = tuple(
                name.decode("utf-8", "replace") if isinstance(name, bytes) else name
                for name in self.nominal_factors
            )
            object.__setattr__(self, "nominal_factors", names)
        if self.forest_depths is not None:
            depths = checks.positive_integers("cr_protocol.forest_depths", self.forest_depths)
            object.__setattr__(self, "forest_depths", depths)

    @property
    def sampling(self) -> dict[str, Any]:
        """See `Protocol`; depths count where they are given."""
        values = super().sampling | {"nominal_factors": self._nominal}
        if self.forest_depths is None:
            del values["forest_depths"]
        return values

    @property
    def _nominal(self) -> tuple[str, ...]:
        return ("shape", "label") if self.nominal_factors is None else self.nominal_factors

    def check_factors(self, dataset: Dataset) -> None:
        """Refuse nominal factors that the data set does not have.

        Raises:
            ConfigurationError: With the names that there are.
        """
        for name in self.nominal_factors or ():
            if name not in dataset.factor_names:
                hint = did_you_mean(name, dataset.factor_names)
                known = ", ".join(dataset.factor_names) or "(it has none)"
                raise ConfigurationError(
                    f"cr_protocol.nominal_factors names no factor of {dataset.name}. {hint}"
                    f"Expected some of: {known}. Received: {name!r}"
                )

    def draws(self, dataset: Dataset, seed: int) -> dict[str, Draw]:
        """Return "points" and, where factors are known, "groups"."""
        draws = {"points": draw_points(dataset, self.num_points, [seed, 0])}
        if dataset.num_factors:
            fixed = np.arange(self.num_groups) % dataset.num_factors
            draws["groups"] = draw_groups(dataset, fixed, self.group_size, [seed, 1])
        return draws

    def offer(
        self, measure: metrics.Measure, samples: Mapping[str, Sample], dataset: Dataset
    ) -> Offer:
        """Return the arguments that a metric can have: the same points to fit and to score."""
        points = samples["points"]

        def factors() -> np.ndarray:
            return points.values if measure.metric.takes_real_factors else points.classes

        def continuous() -> list[bool]:
            nominal = {*self._nominal, *dataset.nominal_factors}
            return [name not in nominal for name in dataset.factor_names]

        def depths() -> tuple[int, ...] | None:
            return self.forest_depths if measure.name == "dci_random_forest" else None

        def groups() -> np.ndarray:
            codes = samples["groups"].groups
            # Of an odd group the last image has no partner.
            in_pairs = self.group_size // 2 * 2
            return codes[:, :in_pairs] if "pairs" in measure.metric.needs else codes

        return {
            "codes": lambda: points.codes,
            "factors": factors,
            "codes_test": lambda: points.codes,
            "factors_test": factors,
            "codes_std": lambda: points.codes,
            "groups": groups,
            "fixed_factor": lambda: samples["groups"].fixed_factor,
            "continuous": continuous,
            "max_depths": depths,
        }

    def _reported(self, results: dict[str, Any]) -> dict[str, Any]:
        # Training and test points are the same here: a "_test" would promise too much.
        return {key: value for key, value in results.items() if not key.endswith("_test")}
