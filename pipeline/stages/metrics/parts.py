"""The parts of the metric stage, in the order in which they measure."""

from pipeline.stages.metrics.class_quality import CLASSES
from pipeline.stages.metrics.identity_scores import IDENTITIES
from pipeline.stages.metrics.protocol_scores import PROTOCOLS
from pipeline.stages.metrics.sample_quality import SAMPLES

PARTS = (PROTOCOLS, SAMPLES, CLASSES, IDENTITIES)
