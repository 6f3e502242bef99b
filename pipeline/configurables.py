"""Every name that a Gin file can bind, and the recipe behind it: the only place that lists them.

Methods are not listed: each is named after its module, see `models.methods`.
"""

from models.codes import joint_code as codes
from models.gans import simclr
from models.layers import augmentation
from models.methods import methods
from models.networks import convolutional, deconvolutional, dense, identity_families, residual
from models.networks import shape_classifier as classifiers
from models.optimizers import recipes as optimizers
from pipeline import model_spec
from pipeline.datasets import (
    cdsprites,
    dsprites,
    identities,
    images,
    labelled_images,
    room3d,
    squares,
    teapots,
    tensorflow_datasets,
    training_combinations,
)
from pipeline.datasets.grid_files import celeba, small_norb
from pipeline.datasets.grid_files import recipe as grid_files
from pipeline.stages.metrics import options as evaluation
from pipeline.stages.metrics import protocols
from pipeline.stages.report import options as reporting
from pipeline.stages.select import options as selection

CONFIGURABLES = {
    # data sets
    "dsprites": dsprites.DSprites,
    "teapots": teapots.Teapots,
    "cdsprites": cdsprites.CdSprites,
    "squares": squares.Squares,
    "room3d": room3d.Room3D,
    "image_folder": images.ImageFolder,
    "image_arrays": images.ImageArrays,
    "idx_images": labelled_images.IdxImages,
    "labelled_images": labelled_images.LabelledImages,
    "training_combinations": training_combinations.TrainingCombinations,
    "identity_split": identities.IdentitySplit,
    "grid_file": grid_files.GridFile,
    "small_norb": small_norb.SmallNorb,
    "celeba": celeba.CelebA,
    "tensorflow_dataset": tensorflow_datasets.TensorFlowDataset,
    # latent codes
    "joint_code": codes.JointCode,
    "feature_code": codes.FeatureCode,
    "uniform_codes": codes.UniformCodes,
    "categorical_code": codes.CategoricalCode,
    "gaussian_codes": codes.GaussianCodes,
    "empirical_codes": codes.EmpiricalCodes,
    "uniform_noise": codes.UniformNoise,
    "gaussian_noise": codes.GaussianNoise,
    # networks
    "deconv_generator": deconvolutional.DeconvGenerator,
    "conv_discriminator": convolutional.ConvDiscriminator,
    "contrastive_network": convolutional.ContrastiveNetwork,
    "conv_encoder": convolutional.ConvEncoder,
    "padded_conv_encoder": convolutional.PaddedConvEncoder,
    "residual_generator": residual.ResidualGenerator,
    "residual_discriminator": residual.ResidualDiscriminator,
    "resnet_encoder": residual.ResNetEncoder,
    "augmentation": augmentation.Augmentation,
    "dense_network": dense.DenseNetwork,
    "big_networks": identity_families.BigNetworks,
    "small_networks": identity_families.SmallNetworks,
    "shape_classifier": classifiers.ShapeClassifier,
    # optimisers
    "adam": optimizers.Adam,
    "decaying_adam": optimizers.DecayingAdam,
    "rmsprop": optimizers.RMSprop,
    # methods
    **methods(),
    "simclr": simclr.SimCLR,
    # stages
    "training": model_spec.Training,
    "metrics": evaluation.Metrics,
    "cr_protocol": protocols.CrProtocol,
    "dlib_protocol": protocols.DlibProtocol,
    "recent_protocol": protocols.RecentProtocol,
    "class_disentanglement": evaluation.ClassDisentanglement,
    "sample_quality": evaluation.SampleQuality,
    "identity_scores": evaluation.IdentityScores,
    "selection": selection.Selection,
    "report": reporting.ReportOptions,
}
