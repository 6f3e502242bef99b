"""Codes of the same images under every encoder of the pool, and which of them tell anything.

What UDR compares, and what shows models that collapsed or that are one and the same.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

import metrics
from pipeline.inference.code_encoding import encode_missing
from pipeline.inference.code_table import CodeTable, key_ids
from pipeline.model_spec import Export
from pipeline.progress import ProgressDisplay
from pipeline.selection.cells import INFORMATIVE_KL, code_kl
from pipeline.stages.stage import Context

INFORMATIVE_STD = 0.05  # of the mean code over images; for models without a posterior
_STREAM = 30  # of the evaluation seed; the protocols have those below
# Codes of two copies of one network differ by less than this, those of two networks by more.
SAME_CODES = 1e-6


@dataclasses.dataclass(frozen=True)
class PoolCodes:
    """Codes of the same images.

    Attributes:
        codes: Model id -> float32 [points, code_dim].
        informative: Model id -> bool [code_dim]. Of a model with a posterior the codes whose mean
            KL is above 0.01 nats (Duan et al. 2020); of the others, GANs, which have no KL, those
            whose standard deviation is at least 0.05, an extension of the paper.
    """

    codes: dict[str, np.ndarray]
    informative: dict[str, np.ndarray]

    def udr(self, model_ids: Sequence[str], method: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the UDR scores [n] and pairwise [n, n] of some of the models.

        Models with fewer codes than others are padded with uninformative ones, which changes
        nothing: UDR leaves uninformative codes out.
        """
        code_dim = max(self.codes[model_id].shape[1] for model_id in model_ids)

        def padded(array: np.ndarray) -> np.ndarray:
            widths = [(0, 0)] * (array.ndim - 1) + [(0, code_dim - array.shape[-1])]
            return np.pad(array, widths)

        codes = np.stack([padded(self.codes[model_id]) for model_id in model_ids])
        informative = np.stack([padded(self.informative[model_id]) for model_id in model_ids])
        return metrics.udr(codes, informative, method=method)

    def collapsed(self, model_ids: Sequence[str]) -> list[str]:
        """Return the models without an informative code."""
        return [model_id for model_id in model_ids if not self.informative[model_id].any()]

    def duplicates(self, model_ids: Sequence[str]) -> list[list[str]]:
        """Return the groups of models that give the same codes for all images."""
        groups: list[list[str]] = []
        for model_id in model_ids:
            codes = self.codes[model_id]
            for group in groups:
                first = self.codes[group[0]]
                # Codes that are all constant are no sign of a copy, but of a collapse.
                if (
                    first.shape == codes.shape
                    and self.informative[model_id].any()
                    and np.allclose(first, codes, rtol=SAME_CODES, atol=SAME_CODES)
                ):
                    group.append(model_id)
                    break
            else:
                groups.append([model_id])
        return [group for group in groups if len(group) > 1]


def read_codes(context: Context, exports: Sequence[Export], display: ProgressDisplay) -> PoolCodes:
    """Encode the common images with those encoders that have not seen them, and return all codes.

    Data without known factors have images, too, and so everything that is needed here.
    """
    rng = np.random.default_rng([context.experiment.metrics.seed, _STREAM])
    keys = context.dataset.sample_keys(rng, context.experiment.selection.num_udr_points)
    encode_missing(context, {export: [keys] for export in exports}, display)
    ids = key_ids(keys)
    codes, informative = {}, {}
    for export in exports:
        found = CodeTable(context.run.codes(export.key)).lookup(ids)
        codes[export.model_id] = found
        informative[export.model_id] = informative_codes(context, export, found)
    return PoolCodes(codes, informative)


def informative_codes(context: Context, export: Export, codes: np.ndarray) -> np.ndarray:
    """Return which codes of a model tell anything about images, bool [code_dim]."""
    if export.has_posterior:
        return code_kl(context, export) > INFORMATIVE_KL
    return codes.std(axis=0, dtype=np.float64) >= INFORMATIVE_STD
