"""The data stage: images made once, shared by all runs, verified byte for byte."""

from pipeline.progress import ProgressDisplay
from pipeline.stages.stage import Context, Step


def plan(context: Context) -> list[Step]:
    """Say whether the images are there, and what making them costs."""
    dataset = context.experiment.dataset
    estimate = dataset.estimate(context.cache)
    note = f"{estimate.bytes_on_disk / 1e6:,.1f} MB in {context.cache}"
    if estimate.is_cached and "data" not in context.forced:
        return [Step(dataset.name, None, note=note)]
    reason = "forced: every byte is verified again" if estimate.is_cached else "new"
    return [Step(dataset.name, reason, estimate.seconds, note)]


def run(context: Context) -> None:
    """Make the images, or verify those that are there."""
    recipe = context.experiment.dataset
    display = ProgressDisplay("data")
    try:
        recipe.prepare(
            context.cache, lambda done, total, **details: display.update(recipe.name, done, total)
        )
    finally:
        display.close()
    dataset = context.dataset
    height, width, channels = dataset.image_shape
    factors = ", ".join(
        f"{name} ({size or 'continuous'})"
        for name, size in zip(dataset.factor_names, dataset.factor_sizes, strict=True)
    )
    display.say(
        f"{recipe.name}: {dataset.num_images:,} images of {height}x{width}x{channels}, "
        f"{f'factors {factors}' if factors else 'no known factors'}, "
        f"fingerprint {dataset.fingerprint[:16]}"
    )
