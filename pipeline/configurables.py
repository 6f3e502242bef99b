"""Every name that a Gin file can bind, and the recipe behind it: the only place that lists them."""

from models.codes import joint_code as codes
from models.gans import codegan as class_methods
from models.gans import cvae_gan as identity_methods
from models.gans import ib_gan as gan_methods
from models.gans import infogan as methods
from models.layers import augmentation
from models.networks import architectures, class_architectures, identity_architectures
from models.optimizers import recipes as optimizers
from models.vaes import methods as vae_methods
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
    "deconv_generator": architectures.DeconvGenerator,
    "conv_discriminator": architectures.ConvDiscriminator,
    "contrastive_network": architectures.ContrastiveNetwork,
    "conv_encoder": architectures.ConvEncoder,
    "padded_conv_encoder": class_architectures.PaddedConvEncoder,
    "residual_generator": class_architectures.ResidualGenerator,
    "residual_discriminator": class_architectures.ResidualDiscriminator,
    "resnet_encoder": class_architectures.ResNetEncoder,
    "augmentation": augmentation.Augmentation,
    "dense_network": architectures.DenseNetwork,
    "big_networks": identity_architectures.BigNetworks,
    "small_networks": identity_architectures.SmallNetworks,
    "shape_classifier": architectures.ShapeClassifier,
    # optimisers
    "adam": optimizers.Adam,
    "decaying_adam": optimizers.DecayingAdam,
    "rmsprop": optimizers.RMSprop,
    # methods
    "infogan": methods.InfoGAN,
    "infogan_cr": methods.InfoGANCR,
    "vae": vae_methods.VAE,
    "annealed_vae": vae_methods.AnnealedVAE,
    "factor_vae": vae_methods.FactorVAE,
    "beta_tcvae": vae_methods.BetaTCVAE,
    "dip_vae": vae_methods.DIPVAE,
    "hfvae": vae_methods.HFVAE,
    "chyvae": vae_methods.CHyVAE,
    "ib_gan": gan_methods.IBGAN,
    "codegan": class_methods.CoDeGAN,
    "simclr": class_methods.SimCLR,
    "cvae_gan": identity_methods.ConditionalVAEGAN,
    # stages
    "training": model_spec.Training,
    "metrics": evaluation.Metrics,
    "cr_protocol": protocols.CrProtocol,
    "dlib_protocol": protocols.DlibProtocol,
    "class_disentanglement": evaluation.ClassDisentanglement,
    "sample_quality": evaluation.SampleQuality,
    "identity_scores": evaluation.IdentityScores,
    "selection": selection.Selection,
    "report": reporting.ReportOptions,
}
