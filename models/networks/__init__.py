"""Networks: what Gin binds, and what it builds.

`RECIPES` are those that a Gin file can bind.
"""

from models.networks.convolutional import (
    ContrastiveNetwork,
    ConvDiscriminator,
    ConvEncoder,
    PaddedConvEncoder,
)
from models.networks.deconvolutional import DeconvGenerator
from models.networks.dense import DenseEncoder, DenseGenerator, DenseNetwork
from models.networks.identity_families import BigNetworks, SmallNetworks
from models.networks.residual import ResidualDiscriminator, ResidualGenerator, ResNetEncoder
from models.networks.shape_classifier import ShapeClassifier

RECIPES = (
    DeconvGenerator,
    ConvDiscriminator,
    ContrastiveNetwork,
    ConvEncoder,
    PaddedConvEncoder,
    ResidualGenerator,
    ResidualDiscriminator,
    ResNetEncoder,
    DenseNetwork,
    DenseEncoder,
    DenseGenerator,
    BigNetworks,
    SmallNetworks,
    ShapeClassifier,
)
