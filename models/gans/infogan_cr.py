"""InfoGAN-CR: what Gin binds; `models.gans.infogan_cr_model` holds the train step."""

import dataclasses
from typing import TYPE_CHECKING

from models import checks
from models.contrastive_regulariser import ContrastiveRegulariser
from models.gans.infogan import InfoGAN

if TYPE_CHECKING:
    from models.gans.infogan_cr_model import InfoGANCRModel


@dataclasses.dataclass(frozen=True, kw_only=True)
class InfoGANCR(ContrastiveRegulariser, InfoGAN):
    """InfoGAN-CR (Lin et al. 2020, https://arxiv.org/abs/1906.06034).

    While `cr_weight` is 0 this is InfoGAN, to the bit.

    Attributes:
        name: how tables call the method.
    """

    name: str = "infogan_cr"

    def __post_init__(self):
        InfoGAN.__post_init__(self)
        ContrastiveRegulariser.__post_init__(self)
        if self.fresh_codes:
            checks.fail("fresh_codes", True, "False: InfoGAN-CR draws once an iteration")
        self.check_codes(self.codes)

    @property
    def snapshots(self) -> dict[int, tuple[str, str]]:
        """The published baseline: the model as it is when alpha leaves 0 for the first time."""
        if self.is_regularised_at(0):
            return {}
        starts = [start for start in self.milestones if self.is_regularised_at(start)]
        return {starts[0]: ("before_cr", "infogan_modified")} if starts else {}

    def _model_class(self) -> "type[InfoGANCRModel]":
        from models.gans.infogan_cr_model import InfoGANCRModel

        return InfoGANCRModel
