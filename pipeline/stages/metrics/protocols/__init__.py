"""Published ways to sample and score, which give different numbers under one name.

A protocol draws evaluation points and groups from a data set, and offers them to the metrics whose
records name it. `cr` is that of InfoGAN-CR (Lin et al. 2020): scored on what was fitted, nothing
pruned. `dlib` is that of the large-scale study (Locatello et al. 2019): held-out scores, dead codes
pruned. `recent` holds what has been published since, with the sizes of its authors.
"""

from pipeline.stages.metrics.protocols.cr import CrProtocol
from pipeline.stages.metrics.protocols.dlib import DlibProtocol
from pipeline.stages.metrics.protocols.protocol import Protocol
from pipeline.stages.metrics.protocols.recent import RecentProtocol
from pipeline.stages.metrics.protocols.sample import Draw, Sample

PROTOCOL_KINDS = (CrProtocol, DlibProtocol, RecentProtocol)

__all__ = [
    "PROTOCOL_KINDS",
    "CrProtocol",
    "DlibProtocol",
    "Draw",
    "Protocol",
    "RecentProtocol",
    "Sample",
]
