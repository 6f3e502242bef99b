"""What a Gin file says about selection."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from models import checks
from models.codes.joint_code import JointCode
from pipeline.errors import ConfigurationError
from pipeline.recipes import fingerprint
from pipeline.selection import METHODS

# Raised whenever a change of the code changes cross scores.
CROSS_SCORE_VERSION = 2
BY_DEFAULT = tuple(name for name, method in METHODS.items() if method.by_default)
EVERYTHING = "all"  # the pool of all models
OFFERED = ("all", "informative")
FIXED = ("codes", "classes")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """How models are selected; Gin's `selection`. Published samples: 500, 100 and 73,728.

    Attributes:
        num_groups: Groups that each generator makes. Published for GANs; VAEs: 1,000.
        group_size: Images of a group, which share one code.
        num_std_samples: Prior samples for the spread of each code.
        methods: Of `pipeline.selection.METHODS`; those that need labels are left out where factors
            are not known.
        pools: Name -> settings of the sweep (shell patterns such as 'factor_vae-*') whose models
            are selected among; none: one pool, "all". Pools share their cells.
        offered_codes: Which latents of a VAE its groups fix in turn: 'all', as published for pools
            of VAEs, or 'informative', those with a mean KL above 0.01 nats, so that its column
            compares with those of GANs. None: 'informative' where the run has both kinds.
        fixed: What the images of a group share: 'codes', the value of one regularised code, as
            published; or 'classes', a class of the only categorical code (then encoders vote for
            clusters of their features, see `metrics.classes.class_votes`; ours).
        num_udr_points: Images that UDR compares codes of.
        include_snapshots: Whether networks kept before the end of a training (the "InfoGAN
            (modified)" baseline) are in the pool, too.
        num_resamples: Bootstrap resamples, which say how sure a choice is: a model's confidence
            is the share of resamples in which it wins (ModelCentrality: resampled groups; UDR:
            resampled models to compare with). 0: none.
        search_medoid: Ours: find ModelCentrality's choice without filling the whole matrix, see
            `metrics.search_medoid`. Scores of models that left early are estimates.
        max_share_of_cells: The largest share of the cells that the search may compute.
        method_options: Method -> {option: value}, in the place of the method's defaults, such as
            `{'pipe': {'steps': 500}}`; None: the defaults. `explain` lists what there is.
    """

    num_groups: int
    group_size: int
    num_std_samples: int
    methods: tuple[str, ...] = BY_DEFAULT
    pools: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    offered_codes: str | None = None
    fixed: str = "codes"
    num_udr_points: int = 1000
    include_snapshots: bool = False
    num_resamples: int = 200
    search_medoid: bool = False
    max_share_of_cells: float = 0.4
    method_options: Mapping[str, Mapping[str, Any]] | None = dataclasses.field(
        default=None, metadata={"omitted_at_default": True}
    )

    def __post_init__(self):
        checks.integer("selection.num_groups", self.num_groups, minimum=1)
        checks.integer("selection.group_size", self.group_size, minimum=2)
        checks.integer("selection.num_std_samples", self.num_std_samples, minimum=2)
        checks.integer("selection.num_udr_points", self.num_udr_points, minimum=2)
        checks.flag("selection.include_snapshots", self.include_snapshots)
        checks.integer("selection.num_resamples", self.num_resamples, minimum=0)
        checks.flag("selection.search_medoid", self.search_medoid)
        checks.number("selection.max_share_of_cells", self.max_share_of_cells, maximum=1.0)
        checks.positive_number("selection.max_share_of_cells", self.max_share_of_cells)
        checks.choice("selection.fixed", self.fixed, FIXED)
        if self.offered_codes is not None:
            checks.choice("selection.offered_codes", self.offered_codes, OFFERED)
        if isinstance(self.methods, str) or not self.methods:
            expected = f"a tuple of some of {', '.join(METHODS)}"
            checks.fail("selection.methods", self.methods, expected)
        for method in self.methods:
            checks.choice("selection.methods", method, METHODS)
        if len(set(self.methods)) < len(self.methods):
            checks.fail("selection.methods", self.methods, "every method once")
        object.__setattr__(self, "methods", tuple(self.methods))
        self._check_method_options(self.method_options or {})
        _check_pools(self.pools)
        pools = {name: tuple(patterns) for name, patterns in self.pools.items()}
        object.__setattr__(self, "pools", pools or {EVERYTHING: ("*",)})

    def _check_method_options(self, method_options: Any) -> None:
        field = "selection.method_options"
        if not isinstance(method_options, Mapping):
            checks.fail(field, method_options, "None, or a dictionary {method: {option: value}}")
        for name, given in method_options.items():
            checks.choice(field, name, METHODS)
            label, kind = f"{field}[{name!r}]", METHODS[name].options
            if not isinstance(given, Mapping):
                checks.fail(label, given, "a dictionary {option: value}")
            for option in given:
                checks.choice(label, option, [one.name for one in dataclasses.fields(kind)])
            try:
                options = kind(**given)
                if name in self.methods:
                    options.check_beside(self.methods)
            except ValueError as error:
                raise ValueError(f"{label}: {error}") from error

    @property
    def sampling_key(self) -> str:
        """Changes whenever the cross scores would; which models are in the pool does not count."""
        sizes = (self.num_groups, self.group_size, self.num_std_samples)
        fixed = () if self.fixed == "codes" else (self.fixed,)
        return fingerprint(CROSS_SCORE_VERSION, *sizes, *fixed)[:16]

    def options_of(self, method: str) -> dict[str, Any]:
        """Return the options of a selection method: its defaults and what replaces them."""
        given = (self.method_options or {}).get(method, {})
        return dataclasses.asdict(METHODS[method].options(**given))

    def is_in_pool(self, pool: str, setting: str) -> bool:
        """Say whether the models of a setting belong to a pool."""
        return any(fnmatchcase(setting, pattern) for pattern in self.pools[pool])

    def check_codes(self, setting: str, codes: JointCode) -> None:
        """Refuse a setting whose codes have not what groups are to share.

        Raises:
            ConfigurationError: With what would do.
        """
        if self.fixed == "classes" and codes.class_code is None:
            raise ConfigurationError(
                f"selection.fixed: Expected 'codes', or exactly one categorical code in every "
                f"setting. Received: selection.fixed='classes', codes {codes.code_names} (in the "
                f"setting {setting!r})."
            )

    def check_settings(self, settings: Iterable[str]) -> None:
        """Refuse patterns that fit no setting of the sweep.

        Raises:
            ConfigurationError: With the settings that there are.
        """
        names = list(settings)
        for pool, patterns in self.pools.items():
            for pattern in patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise ConfigurationError(
                        f"selection.pools[{pool!r}] names no setting of the sweep. Expected one "
                        f"or more of {', '.join(names)}, or a pattern such as '{names[0][:3]}*'. "
                        f"Received: {pattern!r}."
                    )


def _check_pools(pools: Any) -> None:
    expected = "a dictionary {name: (setting or pattern, ...)}"
    if not isinstance(pools, Mapping):
        checks.fail("selection.pools", pools, expected)
    for name, patterns in pools.items():
        checks.label("selection.pools", name)
        if isinstance(patterns, str) or not isinstance(patterns, (list, tuple)) or not patterns:
            checks.fail(f"selection.pools[{name!r}]", patterns, expected)
        if not all(isinstance(pattern, str) and pattern for pattern in patterns):
            checks.fail(f"selection.pools[{name!r}]", patterns, expected)
