"""Every name that a Gin file can bind, and the recipe behind it: the only place that lists them."""

from models import (
    architectures,
    codes,
    gan_methods,
    identity_architectures,
    identity_methods,
    methods,
    optimizers,
    vae_methods,
)
from pipeline import (
    evaluate,
    identity_scores,
    model_spec,
    protocols,
    report,
    sample_quality,
    select,
)
from pipeline.datasets import (
    cdsprites,
    dsprites,
    identities,
    images,
    labelled_images,
    squares,
    teapots,
    tensorflow_datasets,
)

CONFIGURABLES = {
    # data sets
    "dsprites": dsprites.DSprites,
    "teapots": teapots.Teapots,
    "cdsprites": cdsprites.CdSprites,
    "squares": squares.Squares,
    "image_folder": images.ImageFolder,
    "image_arrays": images.ImageArrays,
    "idx_images": labelled_images.IdxImages,
    "labelled_images": labelled_images.LabelledImages,
    "identity_split": identities.IdentitySplit,
    "tensorflow_dataset": tensorflow_datasets.TensorFlowDataset,
    # latent codes
    "joint_code": codes.JointCode,
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
    "dense_network": architectures.DenseNetwork,
    "big_networks": identity_architectures.BigNetworks,
    "small_networks": identity_architectures.SmallNetworks,
    "shape_classifier": architectures.ShapeClassifier,
    # optimisers
    "adam": optimizers.Adam,
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
    "cvae_gan": identity_methods.ConditionalVAEGAN,
    # stages
    "training": model_spec.Training,
    "metrics": evaluate.Metrics,
    "cr_protocol": protocols.CrProtocol,
    "dlib_protocol": protocols.DlibProtocol,
    "sample_quality": sample_quality.SampleQuality,
    "identity_scores": identity_scores.IdentityScores,
    "selection": select.Selection,
    "report": report.ReportOptions,
}
