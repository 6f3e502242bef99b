"""The data stage: images made once, shared by all runs, verified byte for byte."""

from pipeline.datasets.identities import IdentityDataset
from pipeline.datasets.interface import Dataset
from pipeline.datasets.own_values import named
from pipeline.errors import StageError
from pipeline.progress import ProgressDisplay
from pipeline.stages.stage import Context, Step

NUM_VALUES = 12  # of a factor, or unseen identities, that are shown


def plan(context: Context) -> list[Step]:
    """Say whether the images are there, and what making them costs."""
    dataset = context.experiment.dataset
    estimate = dataset.estimate(context.cache)
    note = f"{estimate.bytes_on_disk / 1e6:,.1f} MB in {context.cache}"
    if estimate.is_cached and "data" not in context.forced:
        return [Step(dataset.name, None, note=note)]
    reason = "new"
    if estimate.is_cached:
        what = "byte is verified" if dataset.is_rendered else "file is read"
        reason = f"forced: every {what} again"
    return [Step(dataset.name, reason, estimate.seconds, note)]


def run(context: Context) -> None:
    """Make the images, or verify those that are there.

    Raises:
        StageError: If a library is missing that the data set is read with.
    """
    recipe = context.experiment.dataset
    display = ProgressDisplay("data")
    try:
        recipe.prepare(
            context.cache,
            lambda done, total, **details: display.update(recipe.name, done, total),
            force="data" in context.forced,
        )
    except ImportError as error:
        raise StageError(str(error)) from error
    finally:
        display.close()
    dataset = context.dataset
    height, width, channels = dataset.image_shape
    factors = ", ".join(_described(dataset, number) for number in range(dataset.num_factors))
    display.say(
        f"{recipe.name}: {dataset.num_images:,} images of {height}x{width}x{channels}, "
        f"{f'factors {factors}' if factors else 'no known factors'}, "
        f"fingerprint {dataset.fingerprint[:16]}"
    )
    if isinstance(dataset, IdentityDataset) and dataset.unseen:
        unseen = [dataset.identity_names[number] for number in dataset.unseen]
        display.say(f"{recipe.name}: training never sees {named(unseen, NUM_VALUES)}")


def _described(dataset: Dataset, factor: int) -> str:
    """Return a factor's name, number of values and, where they are names, the values."""
    size, values = dataset.factor_sizes[factor], dataset.factor_values[factor]
    shown = "" if values is None else named(values, NUM_VALUES)
    text = f"{size or 'continuous'}{': ' if shown else ''}{shown}"
    return f"{dataset.factor_names[factor]} ({text})"
