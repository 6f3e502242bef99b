"""HFVAE."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class HFVAE(Autoencoder):
    """HFVAE (Esmaeili et al. 2019, https://arxiv.org/abs/1804.02086).

    min over encoder and decoder of E[-log p(x | z)] + the parts of the KL, each with a weight of
    its own: mutual information, total correlation between the groups of latents, total
    correlation within them, dimension-wise KL. With groups of one latent and all weights but the
    second 1 this is beta-TCVAE with another estimate of q(z).

    Attributes:
        group_sizes: latents of each group, in order; they add up to all latents.
        mutual_information_weight: of I(x; z).
        between_group_weight: of the total correlation between groups.
        within_group_weight: of the total correlation within groups.
        dimension_kl_weight: of the KL of each latent's aggregate to the prior.
        name: how tables call the method.
    """

    group_sizes: tuple[int, ...]
    mutual_information_weight: float
    between_group_weight: float
    within_group_weight: float
    dimension_kl_weight: float
    name: str = "hfvae"

    needs_num_images = True
    regulariser_names: ClassVar[tuple[str, ...]] = (
        "mutual_information",
        "between_group",
        "within_group",
        "dimension_kl",
    )

    def __post_init__(self):
        super().__post_init__()
        sizes = checks.positive_integers("group_sizes", self.group_sizes, allow_empty=False)
        object.__setattr__(self, "group_sizes", sizes)
        if sum(sizes) != self.codes.latent_dim:
            checks.fail("group_sizes", sizes, f"sizes that add up to {self.codes.latent_dim}")
        for name, weight in self.weights.items():
            checks.number(f"{name}_weight", weight, minimum=0.0)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The latents of each group."""
        starts = [sum(self.group_sizes[:number]) for number in range(len(self.group_sizes))]
        return tuple(
            tuple(range(start, start + size))
            for start, size in zip(starts, self.group_sizes, strict=True)
        )

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each part of the KL."""
        return {name: getattr(self, f"{name}_weight") for name in self.regulariser_names}

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return the weighted sum of the four parts; report them unweighted."""
        import tensorflow as tf

        from models.losses import variational as losses

        num_images = checks.integer("num_images", batch.num_images, minimum=2)
        log_weights = losses.biased_log_weights(tf.shape(batch.latents)[0], num_images)
        pairs = losses.pairwise_log_density(batch.latents, *batch.posterior)
        parts = losses.hierarchical_decomposition(pairs, batch.latents, log_weights, self.groups)
        return tf.add_n([self.weights[name] * part for name, part in parts.items()]), parts
