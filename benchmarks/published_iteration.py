"""The published InfoGAN-CR iteration done as published: the baseline of `benchmarks.train_step`.

A static graph in a session, and in each iteration one `session.run` a player: H, D and Q, G, G,
then the update of the spectral-norm vectors. H is trained while alpha is 0, too. Images and latent
vectors are fed from the host as floats. Written for this comparison from the description of the
algorithm, with TensorFlow's primitive operations and its Adam.
"""

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
SLOPE, BN_EPSILON, BN_MOMENTUM = 0.2, 1e-5, 0.9


class PublishedIteration:
    """The networks of an `InfoGANCRModel`, with its present weights, trained as published.

    Args:
        model: the model to copy the weights from; spectral norm in D and H, batch norm in G.
        batch_size: images of a batch.
        shares_passes: False: each term of a loss has passes of its own through G and D. True: the
            terms of one player share them, as a graph that names G's images once would.
    """

    def __init__(self, model, batch_size: int, shares_passes: bool = False):
        self.dtype = tf.as_dtype(model.variable_dtype)
        self.recipe = model.recipe
        self.num_codes = model.codes.num_codes
        self.shares_passes = shares_passes
        image_shape = model.generator.output_shape[1:]
        arrays = {
            name: {
                layer.name: {one.name: (one.numpy(), one.trainable) for one in layer.variables}
                for layer in network.layers
                if layer.variables
            }
            for name, network in model.networks.items()
        }
        graph = tf.Graph()
        with graph.as_default():
            latent_shape = (batch_size, model.codes.latent_dim)
            self.feeds = {
                "real": v1.placeholder(self.dtype, (batch_size, *image_shape)),
                "latents": v1.placeholder(self.dtype, latent_shape),
                "first": v1.placeholder(self.dtype, latent_shape),
                "second": v1.placeholder(self.dtype, latent_shape),
                "index": v1.placeholder(tf.int32, (batch_size,)),
                "info_weight": v1.placeholder(self.dtype, ()),
                "cr_weight": v1.placeholder(self.dtype, ()),
            }
            self.updates = {}
            self.variables = {
                network: {
                    layer: {
                        name: v1.Variable(np.asarray(value, self.dtype.as_numpy_dtype), trainable)
                        for name, (value, trainable) in variables.items()
                    }
                    for layer, variables in layers.items()
                }
                for network, layers in arrays.items()
            }
            self._build_losses()
            initializer = v1.global_variables_initializer()
        self.session = v1.Session(graph=graph)
        self.session.run(initializer)

    def run(self, **feeds) -> dict[str, float]:
        """Make one iteration from arrays named as `feeds`; return its losses."""
        feed = {self.feeds[name]: value for name, value in feeds.items()}
        run = self.session.run
        _, contrastive = run([self.train["contrastive"], self.cr_loss], feed)
        _, adversarial, info = run(
            [self.train["discriminator"], self.discriminator_loss, self.info_loss], feed
        )
        for _ in range(self.recipe.generator_steps):
            _, generator = run([self.train["generator"], self.generator_loss], feed)
        run(self.advance)
        return {
            "cr_loss": contrastive,
            "discriminator_loss": adversarial,
            "info_loss": info,
            "generator_loss": generator,
        }

    def _build_losses(self):
        feeds, weights = self.feeds, self.variables
        real = self._discriminate(feeds["real"])[0]
        fakes = self._generate(feeds["latents"])
        fake = self._discriminate(fakes)
        again = fakes if self.shares_passes else self._generate(feeds["latents"])
        read = fake if self.shares_passes else self._discriminate(again)
        pair = [self._generate(feeds[name]) for name in ("first", "second")]
        logits = self._compare(tf.concat(pair, -1))
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=feeds["index"], logits=logits
        )
        error = feeds["latents"][:, : self.num_codes] - read[1]
        constant = 0.5 * np.log(2.0 * np.pi)
        self.cr_loss = tf.reduce_mean(cross_entropy)
        self.info_loss = tf.reduce_mean(tf.reduce_sum(0.5 * tf.square(error) + constant, 1))
        self.discriminator_loss = tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(
            tf.nn.softplus(fake[0])
        )
        self.generator_loss = tf.reduce_mean(tf.nn.softplus(-fake[0]))
        info = feeds["info_weight"] * self.info_loss
        players = {
            "contrastive": (self.recipe.cr_optimizer, self.cr_loss),
            "discriminator": (self.recipe.discriminator_optimizer, self.discriminator_loss + info),
            "generator": (
                self.recipe.generator_optimizer,
                self.generator_loss + info + feeds["cr_weight"] * self.cr_loss,
            ),
        }
        self.train = {}
        for player, (adam, loss) in players.items():
            # As tensors: numbers would be rounded to float32.
            settings = (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon)
            optimizer = v1.train.AdamOptimizer(*(tf.constant(one, self.dtype) for one in settings))
            trainable = [
                variable
                for layer in weights[player].values()
                for variable in layer.values()
                if variable.trainable
            ]
            self.train[player] = optimizer.minimize(loss, var_list=trainable)
        advanced = [
            layer["vector"].assign(self._power_iteration(layer)[1])
            for player in ("discriminator", "contrastive")
            for layer in weights[player].values()
            if "vector" in layer
        ]
        self.advance = tf.group(*advanced)

    def _generate(self, latents):
        layers, recipe = self.variables["generator"], self.recipe.generator
        x = latents
        for number in range(1, len(recipe.dense) + 2):
            dense = layers[f"generator_dense_{number}"]
            x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, dense["kernel"]), dense["bias"]))
            x = self._batch_norm(x, number)
        side = self.feeds["real"].shape[1] // 2 ** (len(recipe.deconv) + 1)
        x = tf.reshape(x, (-1, side, side, recipe.base_channels))
        for number in range(1, len(recipe.deconv) + 2):
            deconv = layers[f"generator_deconv_{number}"]
            side *= 2
            shape = (x.shape[0], side, side, deconv["kernel"].shape[2])
            x = tf.nn.conv2d_transpose(x, deconv["kernel"], shape, 2, "SAME")
            x = tf.nn.bias_add(x, deconv["bias"])
            if number <= len(recipe.deconv):
                x = self._batch_norm(tf.nn.leaky_relu(x, SLOPE), number + len(recipe.dense) + 1)
        return tf.nn.sigmoid(x)

    def _batch_norm(self, x, number: int):
        layer = self.variables["generator"][f"generator_batch_norm_{number}"]
        if len(x.shape) == 4 and self.dtype == tf.float32:
            x, mean, variance = v1.nn.fused_batch_norm(
                x, layer["gamma"], layer["beta"], epsilon=BN_EPSILON, is_training=True
            )
        else:
            mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
            x = tf.nn.batch_normalization(
                x, mean, variance, layer["beta"], layer["gamma"], BN_EPSILON
            )
        moves = [
            moving.assign(moving * BN_MOMENTUM + value * (1.0 - BN_MOMENTUM))
            for moving, value in (
                (layer["moving_mean"], mean),
                (layer["moving_variance"], variance),
            )
        ]
        with tf.control_dependencies(moves):
            return tf.identity(x)

    def _discriminate(self, images):
        """Return D's logits and Q's outputs."""
        layers = self.variables["discriminator"]
        x = self._trunk("discriminator", images)
        logits = self._spectral_dense(x, layers["discriminator_real_logit"])
        for number in range(2, 2 + len(self.recipe.discriminator.q_dense)):
            x = self._spectral_dense(x, layers[f"discriminator_dense_{number}"])
            x = tf.nn.leaky_relu(x, SLOPE)
        return logits, self._spectral_dense(x, layers["discriminator_q_outputs"])

    def _compare(self, pairs):
        x = self._trunk("contrastive", pairs)
        last = self.variables["contrastive"]["contrastive_logits"]
        return tf.nn.bias_add(tf.matmul(x, last["kernel"]), last["bias"])

    def _trunk(self, network: str, x):
        layers = self.variables[network]
        for number in range(1, len(getattr(self.recipe, network).conv) + 1):
            conv = layers[f"{network}_conv_{number}"]
            x = tf.nn.conv2d(x, self._normalized(conv), 2, "SAME")
            x = tf.nn.leaky_relu(tf.nn.bias_add(x, conv["bias"]), SLOPE)
        x = tf.reshape(x, (x.shape[0], -1))
        return tf.nn.leaky_relu(self._spectral_dense(x, layers[f"{network}_dense_1"]), SLOPE)

    def _spectral_dense(self, x, layer):
        return tf.nn.bias_add(tf.matmul(x, self._normalized(layer)), layer["bias"])

    def _normalized(self, layer):
        v, u = self._power_iteration(layer)
        matrix = tf.reshape(layer["kernel"], (-1, u.shape[0]))
        return layer["kernel"] / tf.tensordot(v, tf.linalg.matvec(matrix, u), 1)

    def _power_iteration(self, layer):
        """Gradients do not flow through the vectors (the release lets them)."""
        vector = layer["vector"]
        matrix = tf.stop_gradient(tf.reshape(layer["kernel"], (-1, vector.shape[0])))
        v = tf.math.l2_normalize(tf.linalg.matvec(matrix, vector))
        return v, tf.math.l2_normalize(tf.linalg.matvec(matrix, v, transpose_a=True))
