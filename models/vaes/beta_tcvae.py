"""beta-TCVAE."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from models import checks
from models.vaes.autoencoder import Autoencoder
from models.vaes.encoded import Encoded

if TYPE_CHECKING:
    import tensorflow as tf

ESTIMATORS = ("weighted", "stratified")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BetaTCVAE(Autoencoder):
    """beta-TCVAE (Chen et al. 2018, https://arxiv.org/abs/1802.04942, equation 4).

    min over encoder and decoder of E[-log p(x | z)] + MI + beta TC + dimension-wise KL, the parts
    of the KL, with q(z) estimated from the batch by minibatch-weighted or -stratified sampling.

    Attributes:
        beta: weight of the total correlation.
        estimator: of q(z), "weighted" or "stratified" minibatch sampling.
        name: how tables call the method.
    """

    beta: float
    estimator: str
    name: str = "beta_tcvae"

    needs_num_images = True
    regulariser_names: ClassVar[tuple[str, ...]] = (
        "mutual_information",
        "total_correlation",
        "dimension_kl",
    )

    def __post_init__(self):
        super().__post_init__()
        checks.number("beta", self.beta, minimum=0.0)
        checks.choice("estimator", self.estimator, ESTIMATORS)

    def regularise(self, batch: Encoded) -> "tuple[tf.Tensor, dict[str, tf.Tensor]]":
        """Return MI + beta TC + dimension-wise KL; report the three."""
        import tensorflow as tf

        from models.losses import variational as losses

        estimate = getattr(losses, f"{self.estimator}_log_weights")
        log_weights = estimate(tf.shape(batch.latents)[0], batch.num_images)
        pairs = losses.pairwise_log_density(batch.latents, *batch.posterior)
        parts = losses.kl_decomposition(pairs, batch.latents, log_weights)
        regulariser = (
            parts["mutual_information"]
            + self.beta * parts["total_correlation"]
            + parts["dimension_kl"]
        )
        return regulariser, parts
