"""The base of all methods: players, draws, one iteration at a time, and their whole state."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from models import checks, draws
from models.codes.joint_code import JointCode
from models.layers.plain import FusedBatchNormalization, plain_copy
from models.moving_average import MovingAverage
from models.networks.layer_maker import derive_seed


class TrainedModel(keras.Model):
    """Networks trained by several players, each with variables and an optimiser of its own.

    A method derives from this once, implements `train_step(images)` and calls, in it,
    `unit_range`, `stream_seed`, `minimize` and `end_iteration`. Under tf.distribute a step sees
    one replica's share of the batch, and whatever it estimates from several images at once (batch
    norm, the total correlation of a batch) is that share's; `synchronize_batch_norm` makes batch
    norm's statistics those of the whole batch.

    Every draw is a function of (seed, iteration, stream, place in the batch), so training can
    stop after any iteration and continue from `state` alone, and the draws do not depend on the
    number of replicas.

    Args:
        networks: name to Keras model, everything that has weights.
        players: name to the variables that the player trains. Together they must hold every
            trainable variable of the networks exactly once.
        optimizers: player name to Keras optimiser.
        generator: functional: [batch, latent_dim] to images in [0, 1].
        encoder: functional: images in [0, 1] to [batch, code_dim].
        codes: the latent vector.
        losses: names of what `end_iteration` is given.
        max_value: the uint8 value of full intensity.
        seed: of all draws.
        generator_decay: of the moving average of the generator's weights that stands for the
            generator in exports; 0: none, and the generator is exported as it is.

    Attributes:
        iteration: int64 variable, the number of iterations done.
        gradient_norms: Player to the mean norm of its gradients, see `watch_gradients`.
        kl_of_codes: images in [0, 1] and `training` to the KL of each code's posterior to its
            prior, [batch, codes]; None for methods without a posterior.
    """

    kl_of_codes: Callable[..., tf.Tensor] | None = None

    def __init__(
        self,
        networks: dict[str, keras.Model],
        players: dict[str, list[keras.Variable]],
        optimizers: dict[str, keras.Optimizer],
        generator: keras.Model | None,
        encoder: keras.Model,
        codes: JointCode | None,
        losses: Sequence[str],
        max_value: int,
        seed: int,
        generator_decay: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.networks = dict(networks)
        self.players = {name: list(variables) for name, variables in players.items()}
        self.generator = generator
        self.encoder = encoder
        self.codes = codes
        self.max_value = checks.integer("max_value", max_value, minimum=1)
        self.seed = checks.integer("seed", seed, minimum=0)
        self.trackers = {name: RunningMean(name=name, dtype=self.variable_dtype) for name in losses}
        self.iteration = keras.Variable(
            0, dtype="int64", trainable=False, aggregation="only_first_replica", name="iteration"
        )
        self.gradient_norms: dict[str, RunningMean] = {}
        self.average = None
        if generator is not None and generator_decay:
            self.average = MovingAverage(generator, generator_decay)
        self.built = True
        check_partition(self.players, self.networks)
        self.compile(optimizers)

    def compile(self, optimizers: dict[str, keras.Optimizer]) -> None:
        """Build each player's optimiser on the player's variables.

        XLA is left to whoever compiles `train_step`.
        """
        super().compile(optimizer=None, jit_compile=False)
        if set(optimizers) != set(self.players):
            checks.fail("optimizers", sorted(optimizers), f"one for each of {list(self.players)}")
        for player, optimizer in optimizers.items():
            optimizer.build(self.players[player])
        self.player_optimizers = dict(optimizers)

    def call(self, latents: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return images [batch, height, width, channels] in [0, 1]."""
        if self.generator is None:
            raise ValueError(f"{self.name} has no generator. Expected: a model that makes images.")
        return self.generator(latents, training=training)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The losses' running means; a method may leave out those it does not compute now."""
        return list(self.trackers.values())

    @property
    def state(self) -> dict[str, keras.Variable]:
        """Everything that determines the future, by names that are the same in every process.

        Weights, batch-norm statistics, spectral vectors, optimiser slots and the iteration.
        """
        variables = {"iteration": self.iteration}
        for network, model in self.networks.items():
            for variable in model.variables:
                variables[f"{network}/{variable.path}"] = variable
        for average in self.average.variables if self.average is not None else ():
            variables[f"generator_average/{average.name}"] = average
        for player, optimizer in self.player_optimizers.items():
            for number, variable in enumerate(optimizer.variables):
                variables[f"{player}_optimizer/{number}_{variable.name}"] = variable
        return variables

    def load_state(self, values: dict[str, Any]) -> None:
        """Assign arrays to `state`.

        Raises:
            ValueError: the names or the shapes are not those of this model.
        """
        variables = self.state
        if set(values) != set(variables):
            difference = sorted(set(values) ^ set(variables))
            checks.fail("values", difference, "the names of state; these are on one side only")
        for name, variable in variables.items():
            if tuple(values[name].shape) != tuple(variable.shape):
                checks.fail(name, tuple(values[name].shape), f"the shape {tuple(variable.shape)}")
            variable.assign(values[name])

    def begin_segment(self, iteration: int) -> None:
        """Do what the host does before the step of `iteration`: nothing, unless a method says so.

        To be called when training starts or resumes and at each of the recipe's milestones;
        calling it again changes nothing.

        Raises:
            ValueError: `iteration` is not the number of iterations done.
        """
        done = int(self.iteration.numpy())
        if iteration != done:
            checks.fail("iteration", iteration, f"the number of iterations done, {done}")

    def synchronize_batch_norm(self) -> None:
        """Have batch norm take its statistics over all replicas; to be called before training."""
        for network in self.networks.values():
            for layer in network.layers:
                if isinstance(layer, FusedBatchNormalization):
                    layer.synchronized = True

    def exports(self) -> dict[str, keras.Model]:
        """Return copies of generator and encoder as they are now, of Keras' own layers only.

        The generator has its averaged weights where there are such.
        """
        networks = {name: plain_copy(getattr(self, name)) for name in ("generator", "encoder")}
        if self.average is not None:
            self.average.copy_to(networks["generator"])
        return networks

    def shown_generator(self) -> Callable[..., tf.Tensor]:
        """Return the function of latents and `training` that pictures show, as it is by then.

        It is the generator, with its averaged weights where there are such.
        """
        return self.call if self.average is None else self.average

    def unit_range(self, images: tf.Tensor | tuple) -> tf.Tensor:
        """Return uint8 images (or a tuple whose first entry they are) as numbers in [0, 1]."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(images)
        return tf.cast(images, self.variable_dtype) / float(self.max_value)

    def stream_seed(self, stream: str) -> tf.Tensor:
        """Return the seed, int32 [2], of draws from `stream` in this iteration.

        It is the same on every replica: `models.draws` gives each its rows of the batch.
        """
        seed = draws.fold_in(self.stream_words(stream), 0)
        return draws.fold_in(seed, self.iteration.value)

    def stream_words(self, stream: str) -> tf.Tensor:
        """Return all that the draws from `stream` take from the model's seed, int32 [2]."""
        words = [derive_seed(self.seed, stream, word) for word in ("first", "second")]
        return tf.constant(words, tf.int32)

    def minimize(self, player: str, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Move the player's variables one optimiser step down `loss`, the mean over a replica.

        The optimiser adds the replicas' gradients, so the loss is divided by their number here
        and nowhere else.
        """
        with tape:
            loss = loss / tf.distribute.get_strategy().num_replicas_in_sync
        variables = self.players[player]
        gradients = tape.gradient(loss, variables)
        if player in self.gradient_norms:
            self.gradient_norms[player].update_state(_norm_over_replicas(gradients))
        self.player_optimizers[player].apply(gradients, variables)

    def watch_gradients(self) -> None:
        """Have `gradient_norms` follow every player; to be called before training.

        They are the means, over the updates since they were reset, of the norm of all of a player's
        gradients together. Neither weights nor `state` depend on them.
        """
        self.gradient_norms = {
            player: RunningMean(name=f"gradient_norm_{player}", dtype="float32")
            for player in self.players
        }

    def end_iteration(self, losses: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Count the iteration and return the running means of the losses over the batch."""
        self.iteration.assign(self.iteration + 1)
        if self.average is not None:
            self.average.move(self.iteration.value)
        losses = _means_over_replicas(losses)
        for name, loss in losses.items():
            self.trackers[name].update_state(loss)
        return {name: self.trackers[name].result() for name in losses}


class RunningMean(keras.metrics.Mean):
    """A mean that every replica computes alike, so that one replica's value is the value.

    Keras' own adds up the replicas, and cannot be put back to the bit.
    """

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any,
        dtype: str | None = None,
        aggregation: str | None = None,
        name: str | None = None,
    ) -> keras.Variable:
        """Make a variable of the mean."""
        return super().add_variable(shape, initializer, dtype, "only_first_replica", name)


def _norm_over_replicas(gradients: list[tf.Tensor | None]) -> tf.Tensor:
    """Return the norm of all gradients, which the replicas add up, as one vector."""
    there = [tf.cast(one, tf.float32) for one in gradients if one is not None]
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        there = context.all_reduce(tf.distribute.ReduceOp.SUM, there)
    return tf.linalg.global_norm(there)


def _means_over_replicas(losses: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return losses
    # One exchange for all of them.
    values = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack(list(losses.values())))
    return dict(zip(losses, tf.unstack(values), strict=True))


def check_partition(
    players: dict[str, list[keras.Variable]], networks: dict[str, keras.Model]
) -> None:
    """Raise `ValueError` unless each trainable variable of the networks has one player."""
    owners: dict[int, list[str]] = {}
    for player, variables in players.items():
        for variable in variables:
            owners.setdefault(id(variable), []).append(player)
    trainable = {
        id(variable): variable.path
        for network in networks.values()
        for variable in network.trainable_variables
    }
    for key, path in trainable.items():
        if len(owners.get(key, ())) != 1:
            checks.fail("players", owners.get(key, []), f"exactly one player to train {path}")
    if len(owners) != len(trainable):
        extra = [one.path for each in players.values() for one in each if id(one) not in trainable]
        checks.fail("players", extra, "trainable variables of the networks only")
