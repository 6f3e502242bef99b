"""One model of the sweep: what it is trained from, and which networks it leaves."""

import dataclasses
from typing import Any

from models import checks
from pipeline.recipes import describe, fingerprint

# Raised whenever a change of the code changes trained weights or histories.
TRAINING_VERSION = 3

PRECISIONS = ("float32", "mixed_bfloat16")
_PLUMBING = {"affects_results": False}
_LATER = {"omitted_at_default": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How long and from which batches a model is trained; Gin's `training`.

    Attributes:
        batch_size: Real images an iteration, over all replicas; of a method that takes triplets,
            these.
        replicas: Devices that share each batch evenly: GPUs or, on a machine without any, virtual
            devices of its processor (nothing gained but the same result). Their gradients are
            added up, so weights differ from those of one device in their last bits.
        synchronized_batch_norm: Whether replicas share the statistics of batch norm, as if the
            batch were on one device; else each normalises its own share.
        iterations: Iterations in all (one iteration updates every network of the method).
        threads: Threads of the process that trains a model; part of what makes a run
            reproducible. 0 leaves the number to TensorFlow (as one does with a GPU).
        precision: "float32", or "mixed_bfloat16": layers compute in bfloat16, while variables,
            losses and spectral norms stay in float32; for processors that are faster so.
        xla: Whether iterations are compiled with XLA. Draws stay what they are, results differ by
            rounding; for GPUs, since it is slower on processors.
        iterations_per_execution: The most iterations in one call of TensorFlow, on one device; no
            matter of the result. 0: as many as take half a second.
        images_on_device: Whether the device keeps a copy of all images and gathers batches from
            it, on one device; no matter of the result. For GPUs with room for them.
        log_every: Iterations from one row of history.csv to the next; losses are means over them.
        score_every: Iterations between quick FactorVAE scores, a multiple of `log_every`; 0: none.
        score_groups: Groups of a quick score.
        score_group_size: Images of a group.
        score_points: Images over which the codes' standard deviation is taken.
        checkpoint_every: Iterations between checkpoints, a multiple of `log_every`.
        picture_every: Iterations between sample pictures, a multiple of `log_every`; 0: none.
        gradient_norms: Whether trackers (TensorBoard and others) are also told the norm of each
            player's gradients; no matter of the result.
        traversal_limits: Lowest and highest value of continuous codes in pictures of traversals;
            None: the range that they are drawn from.
    """

    batch_size: int
    iterations: int
    threads: int
    precision: str = dataclasses.field(default="float32", metadata=_LATER)
    xla: bool = dataclasses.field(default=False, metadata=_LATER)
    # Set with XLA: models of earlier versions, whose draws it changed, are others.
    xla_draws: str | None = dataclasses.field(default=None, init=False, metadata=_LATER)
    iterations_per_execution: int = dataclasses.field(default=0, metadata=_PLUMBING)
    images_on_device: bool = dataclasses.field(default=False, metadata=_PLUMBING)
    log_every: int
    replicas: int = dataclasses.field(default=1, metadata=_LATER)
    synchronized_batch_norm: bool = dataclasses.field(default=False, metadata=_LATER)
    score_every: int = 0
    score_groups: int = 100
    score_group_size: int = 32
    score_points: int = 2000
    checkpoint_every: int = dataclasses.field(metadata=_PLUMBING)
    picture_every: int = dataclasses.field(default=0, metadata=_PLUMBING)
    gradient_norms: bool = dataclasses.field(default=False, metadata=_PLUMBING)
    traversal_limits: tuple[float, float] | None = dataclasses.field(
        default=None, metadata=_PLUMBING
    )

    def __post_init__(self):
        checks.choice("training.precision", self.precision, PRECISIONS)
        if checks.flag("training.xla", self.xla):
            object.__setattr__(self, "xla_draws", "as without")
        checks.flag("training.images_on_device", self.images_on_device)
        checks.flag("training.gradient_norms", self.gradient_norms)
        if self.xla and self.replicas != 1:
            checks.fail("training.xla", self.xla, "False with replicas: XLA cannot compile them")
        at_least_1 = ("batch_size", "iterations", "log_every", "checkpoint_every", "score_groups")
        for name in (*at_least_1, "replicas"):
            checks.integer(f"training.{name}", getattr(self, name), minimum=1)
        for name in ("score_group_size", "score_points"):
            checks.integer(f"training.{name}", getattr(self, name), minimum=2)
        at_least_0 = ("threads", "score_every", "picture_every", "iterations_per_execution")
        for name in at_least_0:
            checks.integer(f"training.{name}", getattr(self, name), minimum=0)
        checks.flag("training.synchronized_batch_norm", self.synchronized_batch_norm)
        if self.batch_size % self.replicas:
            expected = f"a multiple of replicas={self.replicas}, which share each batch evenly"
            checks.fail("training.batch_size", self.batch_size, expected)
        if self.traversal_limits is not None:
            limits = self.traversal_limits
            if not isinstance(limits, tuple | list) or len(limits) != 2:
                checks.fail("training.traversal_limits", limits, "None, or two numbers")
            for one in limits:
                checks.number("training.traversal_limits", one)
            object.__setattr__(self, "traversal_limits", tuple(limits))
        for name in ("score_every", "picture_every", "checkpoint_every"):
            if getattr(self, name) % self.log_every:
                checks.fail(
                    f"training.{name}",
                    getattr(self, name),
                    f"a multiple of log_every={self.log_every}",
                )


@dataclasses.dataclass(frozen=True)
class Export:
    """The networks of a model at one moment: "final", or a snapshot such as "before_cr".

    Attributes:
        model_id: Of this pair of networks; a snapshot's is the model's with "@" and its name.
        parent_id: The model's, which names its folder.
        name: "final" or the snapshot's name.
        setting: Setting of the sweep.
        method: Method that the networks stand for, such as "infogan_cr" or "infogan_modified".
        seed: Of the model.
        iteration: After so many iterations.
        fingerprint: Changes whenever the networks' weights would.
        codes: The model's `JointCode`.
        has_posterior: Whether the export says how much each code tells (its KL): VAEs.
        posterior_network: The file of the export from which codes can be drawn, see
            `pipeline.inference.posterior_draws`; None where codes have no posterior.
    """

    model_id: str
    parent_id: str
    name: str
    setting: str
    method: str
    seed: int
    iteration: int
    fingerprint: str
    codes: Any
    has_posterior: bool = False
    posterior_network: str | None = None

    @property
    def key(self) -> str:
        """A short name for files that belong to exactly these weights."""
        return self.fingerprint[:16]

    @property
    def columns(self) -> dict[str, Any]:
        """What every table says of a model."""
        return {
            "model_id": self.model_id,
            "setting": self.setting,
            "method": self.method,
            "seed": self.seed,
            "iteration": self.iteration,
            "model_fingerprint": self.fingerprint,
        }


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """Everything that the weights of one model depend on.

    The recipe of the data set says where the images are; what they are, and so which model this is,
    `data_fingerprint` says alone. Images that were moved or copied train the same models.
    """

    setting: str
    seed: int
    method: Any
    training: Training
    dataset: Any
    data_fingerprint: str

    @property
    def fingerprint(self) -> str:
        """Changes whenever the trained weights or the history would."""
        return fingerprint(
            TRAINING_VERSION,
            self.method,
            self.training,
            self.data_fingerprint,
            self.seed,
        )

    @property
    def model_id(self) -> str:
        """Readable and unique: a changed binding gives another model, beside the old one."""
        return f"{self.setting}-seed{self.seed}-{self.fingerprint[:8]}"

    @property
    def config(self) -> dict[str, Any]:
        """The whole description as JSON-able data."""
        return describe(self)

    @property
    def exports(self) -> tuple[Export, ...]:
        """The networks that training leaves, snapshots first."""
        moments = [
            (iteration, name, method)
            for iteration, (name, method) in sorted(self.method.snapshots.items())
            if iteration < self.training.iterations
        ]
        moments.append((self.training.iterations, "final", self.method.name))
        return tuple(
            Export(
                model_id=self.model_id if name == "final" else f"{self.model_id}@{name}",
                parent_id=self.model_id,
                name=name,
                setting=self.setting,
                method=method,
                seed=self.seed,
                iteration=iteration,
                fingerprint=fingerprint(self.fingerprint, name),
                codes=self.method.codes,
                has_posterior=self.method.has_posterior,
                posterior_network=self.method.posterior_network,
            )
            for iteration, name, method in moments
        )
