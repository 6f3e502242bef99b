"""The published InfoGAN-CR and the VAE of the baselines in plain PyTorch, for `benchmarks.peers`.

Written as one would write them there: modules, `spectral_norm`, Adam, a loss and `backward` for
each player. The networks are those of the Gin files, read off the same recipes; eager, or with
each player's loss compiled.
"""

import itertools

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus
from torch.nn.utils.parametrizations import spectral_norm

KERNEL, STRIDE, PADDING = 4, 2, 1


def trunk(channels: int, side: int, conv, dense, slope: float, wrap) -> tuple[nn.Sequential, int]:
    """Return strided convolutions and dense layers, and how many numbers come out of them."""
    layers: list[nn.Module] = []
    for filters in conv:
        layers += [wrap(nn.Conv2d(channels, filters, KERNEL, STRIDE, PADDING)), nn.LeakyReLU(slope)]
        channels, side = filters, side // STRIDE
    layers.append(nn.Flatten())
    size = channels * side * side
    for units in dense:
        layers += [wrap(nn.Linear(size, units)), nn.LeakyReLU(slope)]
        size = units
    return nn.Sequential(*layers), size


def generator(recipe, latent_dim: int, image_shape, ends_in_sigmoid: bool) -> nn.Sequential:
    """Return G, or the decoder of a VAE (`recipe` a `DeconvGenerator`)."""
    side = image_shape[0] // STRIDE ** (len(recipe.deconv) + 1)
    layers: list[nn.Module] = []
    size = latent_dim
    for units in (*recipe.dense, recipe.base_channels * side * side):
        layers += [nn.Linear(size, units), nn.ReLU()]
        if recipe.batch_norm:
            layers.append(nn.BatchNorm1d(units))
        size = units
    channels = recipe.base_channels
    layers.append(nn.Unflatten(1, (channels, side, side)))
    for filters in recipe.deconv:
        layers += [
            nn.ConvTranspose2d(channels, filters, KERNEL, STRIDE, PADDING),
            nn.LeakyReLU(recipe.negative_slope or 0.0),
        ]
        if recipe.batch_norm:
            layers.append(nn.BatchNorm2d(filters))
        channels = filters
    layers.append(nn.ConvTranspose2d(channels, image_shape[2], KERNEL, STRIDE, PADDING))
    return nn.Sequential(*layers, nn.Sigmoid()) if ends_in_sigmoid else nn.Sequential(*layers)


class Discriminator(nn.Module):
    """D and Q."""

    def __init__(self, recipe, image_shape, q_dim: int):
        super().__init__()
        wrap = spectral_norm if recipe.norm == "spectral" else nn.Identity()
        slope = recipe.negative_slope
        self.trunk, size = trunk(
            image_shape[2], image_shape[0], recipe.conv, recipe.dense, slope, wrap
        )
        self.logit = wrap(nn.Linear(size, 1))
        head: list[nn.Module] = []
        for units in recipe.q_dense:
            head += [wrap(nn.Linear(size, units)), nn.LeakyReLU(slope)]
            size = units
        self.codes = nn.Sequential(*head, wrap(nn.Linear(size, q_dim)))

    def forward(self, images):
        """Return logits of "real" and Q's means."""
        features = self.trunk(images)
        return self.logit(features), self.codes(features)


class TorchInfoGANCR:
    """One iteration: H (where alpha is above 0) and D with Q once, G `generator_steps` times.

    Args:
        recipe: A `models.gans.infogan_cr.InfoGANCR` with uniform codes, a dense first map and no
            readings.
        image_shape: (height, width, channels).
        is_regularised: Whether alpha is above 0.
        is_compiled: Whether the losses are compiled.
    """

    def __init__(self, recipe, image_shape, is_regularised: bool, is_compiled: bool):
        if recipe.generator.broadcast is not None or recipe.readings:
            raise ValueError(
                "PyTorch's side has only what is published. Expected deconv_generator.broadcast = "
                f"None and infogan_cr.readings = (). Received: {recipe.generator.broadcast}, "
                f"{recipe.readings}"
            )
        self.recipe, self.is_regularised = recipe, is_regularised
        self.num_codes, self.latent_dim = recipe.codes.num_codes, recipe.codes.latent_dim
        self.info_weight = recipe.info_weight.values[-1]
        self.alpha = recipe.cr_weight.values[-1]
        self.g = generator(recipe.generator, self.latent_dim, image_shape, True)
        self.d = Discriminator(recipe.discriminator, image_shape, recipe.codes.q_dim)
        trunk_of_h = recipe.contrastive
        body, size = trunk(
            2 * image_shape[2],
            image_shape[0],
            trunk_of_h.conv,
            trunk_of_h.dense,
            trunk_of_h.negative_slope,
            spectral_norm if trunk_of_h.norm == "spectral" else nn.Identity(),
        )
        self.h = nn.Sequential(body, nn.Linear(size, self.num_codes))
        self.adam = {
            network: adam_of(optimizer, network.parameters())
            for network, optimizer in (
                (self.g, recipe.generator_optimizer),
                (self.d, recipe.discriminator_optimizer),
                (self.h, recipe.cr_optimizer),
            )
        }
        names = ("discriminator_loss", "generator_loss", "contrastive_loss")
        for name in names if is_compiled else ():
            setattr(self, name, torch.compile(getattr(self, name)))

    def info_loss(self, q_outputs, latents):
        """Return the negative log-likelihood of the codes, of standard deviation 1."""
        error = q_outputs - latents[:, : self.num_codes]
        return (0.5 * error**2 + 0.9189385).sum(1).mean()

    def discriminator_loss(self, real, fakes, latents):
        """Return the loss of D and Q."""
        real_logits, _ = self.d(real)
        fake_logits, q_outputs = self.d(fakes)
        adversarial = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        return adversarial + self.info_weight * self.info_loss(q_outputs, latents)

    def contrastive_loss(self, first, second, index):
        """Return the loss of H on the images of pairs of latents."""
        pair = torch.cat([self.g(first), self.g(second)], 1)
        return cross_entropy(self.h(pair), index)

    def generator_loss(self, latents):
        """Return the loss of G without the contrastive part."""
        logits, q_outputs = self.d(self.g(latents))
        info = self.info_loss(q_outputs, latents)
        return softplus(-logits).mean() + self.info_weight * info

    def train_step(self, real) -> float:
        """Make one iteration on images [batch, channels, height, width] in [0, 1]."""
        batch = len(real)
        latents, first, second = (torch.rand(batch, self.latent_dim) * 2 - 1 for _ in range(3))
        index = torch.randint(self.num_codes, (batch,))
        rows = torch.arange(batch)
        second[rows, index] = first[rows, index]
        if self.is_regularised:
            self.update(self.h, self.contrastive_loss(first, second, index))
        with torch.no_grad():
            fakes = self.g(latents)
        self.update(self.d, self.discriminator_loss(real, fakes, latents))
        for network in (self.d, self.h):
            network.requires_grad_(False)
        for _ in range(self.recipe.generator_steps):
            loss = self.generator_loss(latents)
            if self.is_regularised:
                loss = loss + self.alpha * self.contrastive_loss(first, second, index)
            self.update(self.g, loss)
        for network in (self.d, self.h):
            network.requires_grad_(True)
        return loss.item()

    def update(self, network: nn.Module, loss) -> None:
        """Move a network's weights one step of Adam down the loss."""
        self.adam[network].zero_grad()
        loss.backward(inputs=list(network.parameters()))
        self.adam[network].step()


class TorchVAE:
    """One iteration of a beta-VAE.

    Args:
        recipe: A `models.vaes.vae.VAE`.
        image_shape: (height, width, channels).
        is_compiled: Whether the loss is compiled.
    """

    def __init__(self, recipe, image_shape, is_compiled: bool):
        self.beta, latent_dim = recipe.beta, recipe.codes.latent_dim
        encoder = recipe.encoder
        layers, size = trunk(image_shape[2], image_shape[0], encoder.conv, (), 0.0, nn.Identity())
        dense = []
        for units in encoder.dense:
            dense += [nn.Linear(size, units), *([nn.ReLU()] if encoder.activates_dense else [])]
            size = units
        self.encoder = nn.Sequential(layers, *dense, nn.Linear(size, 2 * latent_dim))
        self.decoder = generator(recipe.decoder, latent_dim, image_shape, False)
        parameters = itertools.chain(self.encoder.parameters(), self.decoder.parameters())
        self.adam = adam_of(recipe.optimizer, parameters)
        if is_compiled:
            self.loss = torch.compile(self.loss)

    def loss(self, images, noise):
        """Return minus the evidence lower bound, the KL weighted."""
        mean, log_variance = self.encoder(images).chunk(2, 1)
        logits = self.decoder(mean + noise * torch.exp(0.5 * log_variance))
        error = binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return error + self.beta * kl

    def train_step(self, images) -> float:
        """Make one iteration on images [batch, channels, height, width] in [0, 1]."""
        noise = torch.randn(len(images), self.encoder[-1].out_features // 2)
        loss = self.loss(images, noise)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()


def adam_of(recipe, parameters) -> torch.optim.Adam:
    """Return PyTorch's Adam with a recipe's numbers."""
    betas = (recipe.beta_1, recipe.beta_2)
    return torch.optim.Adam(parameters, recipe.learning_rate, betas, recipe.epsilon)
