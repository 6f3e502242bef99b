"""Gin files of published experiments whose data we have not: two steps each, on generated images.

Images have their true shapes, and networks, but for the residual ones, their published widths;
batches are small, which changes no network. What the published tables say is compared with what
the files bind.
"""

import dataclasses

import numpy as np
import pytest

from pipeline.experiment import load_experiment

BUDGETS = "gin/parts/budgets/"
SVHN, UNLABELLED = f"{BUDGETS}smoke_samples.gin", f"{BUDGETS}smoke_unlabelled.gin"
CLASSES, TRIPLETS = f"{BUDGETS}smoke_classes.gin", f"{BUDGETS}cvae_gan_smoke.gin"
# The residual networks are those of COIL-20, whose widths a test of that file holds.
NARROW = [f"{player}_BATCH = 4" for player in ("D", "G", "CLASS", "NOISE")]
NARROW += ["G_CHANNELS = 4", "D_CHANNELS = 4", "E_CHANNELS = (8, 16)", "resnet_encoder.blocks = 1"]
BATCHES = [*NARROW[:4], "LABELLED = 20", "LABELLED_BATCH = 10"]
# file -> its smoke budget, further settings, the shape of its images
FILES = {
    "infogan_svhn": (SVHN, [], (32, 32, 3)),
    "infogan_celeba": (UNLABELLED, [], (32, 32, 3)),
    "infogan_faces": (UNLABELLED, [], (32, 32, 1)),
    "infogan_chairs": (UNLABELLED, [], (64, 64, 1)),
    "infogan_cr_celeba": (UNLABELLED, ["ALPHA_FROM = 1", "GAP_FROM = 4"], (32, 32, 3)),
    "codegan_chairs": (CLASSES, NARROW, (64, 64, 3)),
    "codegan_cars": (CLASSES, NARROW, (64, 64, 3)),
    "codegan_few_labels": (CLASSES, BATCHES, (28, 28, 1)),
    "codegan_few_labels_cifar10": (CLASSES, [*BATCHES, *NARROW, "CRITIC = 1"], (32, 32, 3)),
    "cvae_gan_norb": (TRIPLETS, [], (32, 32, 1)),
    "cvae_gan_sprites": (TRIPLETS, [], (32, 32, 3)),
    "cvae_gan_yale": (TRIPLETS, [], (32, 32, 1)),
}


def load(name):
    budget, settings, _ = FILES[name]
    settings = ["DATA_DIR = '/data'", "BATCH_SIZE = 4", *settings]
    return load_experiment([f"gin/{name}.gin", budget], settings)


@pytest.mark.parametrize("name", FILES)
def test_two_steps_of_every_file(name):
    shape = FILES[name][2]
    method = load(name).settings[-1].method
    model = method.build(shape, 255, 0, 256)
    rng = np.random.default_rng(0)
    if method.num_labelled:
        labelled = rng.integers(0, 256, (method.num_labelled, *shape), np.uint8)
        model.load_labelled(labelled, np.arange(method.num_labelled) % 10)
    of_one_identity = (3,) if method.needs_triplets else ()
    images = rng.integers(0, 256, (4, *of_one_identity, *shape), np.uint8)
    for iteration in range(2):
        model.begin_segment(iteration)
        results = model.train_step(images)
    assert len(results) > 1
    assert all(np.isfinite(float(value)) for value in results.values())


def published(name):
    return load_experiment([f"gin/{name}.gin"], ["DATA_DIR = '/data'"]).settings[-1]


@pytest.mark.parametrize(
    ("name", "classes", "num_continuous", "noise_dim"),
    [
        ("infogan_svhn", [10] * 4, 4, 124),
        ("infogan_celeba", [10] * 10, 0, 128),
        ("infogan_faces", [], 5, 128),
        ("infogan_chairs", [20] * 3, 1, 128),
    ],
)
def test_the_codes_of_infogan(name, classes, num_continuous, noise_dim):
    """Chen et al. 2016, appendix C."""
    codes = published(name).method.codes
    assert sum(classes) + num_continuous == codes.code_dim
    assert len(classes) + num_continuous == codes.num_codes
    assert codes.latent_dim - codes.code_dim == noise_dim


def test_infogan_cr_on_celeba():
    """Lin et al. 2020, the table of its appendix."""
    setting = published("infogan_cr_celeba")
    method, training = setting.method, setting.training
    assert (training.batch_size, training.iterations) == (128, 90174)
    assert method.info_weight.values == (2.0,) and method.gap.values == (0.0,)
    assert method.cr_weight.at(79999) == 0.0 and method.cr_weight.at(80000) == 1.0
    assert (method.codes.num_codes, method.codes.latent_dim) == (5, 105)
    rates = [
        getattr(method, f"{player}_optimizer").learning_rate
        for player in ("generator", "discriminator", "cr")
    ]
    assert rates == [2e-3, 2e-4, 2e-4]
    networks = (method.generator, method.discriminator, method.contrastive)
    assert [network.kernel_size for network in networks] == [5, 5, 5]
    assert (method.generator.dense, method.generator.deconv) == ((1024,), (128, 64))
    assert method.discriminator.conv == method.contrastive.conv == (64, 128, 256, 512)
    assert (method.discriminator.norm, method.contrastive.norm) == ("spectral", "batch")


@pytest.mark.parametrize(
    ("name", "others", "labels", "weights"),
    [
        ("codegan_few_labels", "codegan_mnist", (100, 50), (100.0, 5e-4)),
        ("codegan_few_labels_cifar10", "codegan_cifar10", (500, 100), (1.0, 0.5)),
    ],
)
def test_codegan_with_few_labels(name, others, labels, weights):
    """Zhao et al. 2021, as released: all but the labels and the weights is as without."""
    method = published(name).method
    assert (method.num_labelled, method.labelled_batch) == labels
    assert (method.class_weight, method.noise_weight) == weights
    without = {"num_labelled": 0, "labelled_batch": 0}
    plain = published(others).method
    without |= {"class_weight": plain.class_weight, "noise_weight": plain.noise_weight}
    assert dataclasses.replace(method, **without) == plain
    assert published(name).training == published(others).training


def test_mathieu_on_norb_and_sprites():
    """Mathieu et al. 2016: the weights as released."""
    for name, weight in (("cvae_gan_norb", 0.01), ("cvae_gan_sprites", 0.01), ("cvae_gan_yale", 1)):
        method = published(name).method
        assert method.adversarial_weight == weight
        assert (method.reconstruction_weight, method.swap_weight) == (0.5, 1.0)
        assert method.real_label == 0.95
