"""The records as text for a reader: one section for each metric, and the page docs/metrics.md.

python -m metrics.shared.documentation > docs/metrics.md
"""

import inspect
from collections.abc import Callable, Iterable

from metrics.shared.record import NEEDS, Measure, Metric, result_range

BETTER = {"high": "higher", "low": "lower", "none": "neither"}
ROOM_TITLES = {
    "disentanglement": "Disentanglement: how well codes tell known factors, each by its own code",
    "independence": "Independence: how much codes tell of each other; no factors needed",
    "samples": "Samples: how good generated images are",
    "classes": "Classes: how well a model tells kinds of images apart",
    "identities": "Identities: where a model keeps them, and how well it makes images",
}
INTRODUCTION = """\
# Metrics

This page is written from the records beside the metrics' functions
(`python -m metrics.shared.documentation > docs/metrics.md`); do not edit it by hand.

Every metric is a function of plain arrays: `from metrics import mig; mig(codes, factors)`. In a Gin
file metrics are named in `cr_protocol.metrics`, `dlib_protocol.metrics` or
`recent_protocol.metrics`; `run_pipeline.py score FILE.npz` computes them from anyone's arrays. The
protocols sample and score differently, so compare values of one protocol only:

- **cr**: that of InfoGAN-CR (Lin et al. 2020): scored on the points that were fitted, nothing
  pruned.
- **dlib**: that of the large-scale study (Locatello et al. 2019): held-out points, dead codes
  pruned.
- **recent**: what has been published since, on 10,000 points.
- **samples**, **classes**, **identity**: what judges generated images, classes and identities.

Rules for all: a factor with one value is left out; a constant code is dead and counts 0 where codes
are averaged; where no code is active, every score for which higher is better is 0. No result is
NaN. A metric that needs what a data set or model does not have is skipped, by name.
"""


def describe(metric: Metric) -> str:
    """Return what is known of a metric as a section of Markdown.

    Args:
        metric: Its record.
    """
    measures = [Measure(metric, variant) for variant in metric.variants]
    signature = f"{metric.name}{_call(metric.function)}"
    lines = [
        f"### {metric.title}",
        "",
        f"`{signature}`: {_first_lower(metric.summary)}",
        "",
        "| result | title | better | range |",
        "|---|---|---|---|",
        *_result_rows(metric, measures),
        "",
        f"- **Needs** {'; '.join(told for need, told in NEEDS.items() if need in metric.needs)}.",
        f"- **Called as** {'; '.join(_called(one) for one in measures)}.",
        f"- **Interval:** {metric.bootstrap}",
        f"- **Source:** {metric.source}.",
        f"- **Pitfalls:** {metric.pitfalls}",
        "",
    ]
    return "\n".join(lines)


def page(records: Iterable[Metric]) -> str:
    """Return the page of all metrics as Markdown.

    Args:
        records: In the order of the page; those of a room stand together.
    """
    parts, room = [INTRODUCTION], None
    for metric in records:
        if metric.room != room:
            room = metric.room
            parts.append(f"## {ROOM_TITLES[room]}\n")
        parts.append(describe(metric))
    return "\n".join(parts)


def _call(function: Callable[..., object]) -> str:
    """Return the names and defaults that a function takes, the same under any numpy."""
    signature = inspect.signature(function)
    unannotated = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(signature.replace(parameters=unannotated, return_annotation=inspect.Signature.empty))


def _result_rows(metric: Metric, measures: list[Measure]) -> list[str]:
    """Return a line for each result; of one that only the bare function has, too."""
    results = {one.key: one for measure in measures for one in measure.results}
    results |= {one.key: one for one in metric.results}
    return [
        f"| `{one.key}` | {one.title} | {BETTER[one.direction]} | {result_range(one)} |"
        for one in results.values()
    ]


def _called(measure: Measure) -> str:
    options = ", ".join(f"{name}={value!r}" for name, value in measure.variant.options.items())
    of = ", ".join(measure.variant.protocols)
    told = [f"`{measure.name}`"]
    told += [f"({options})"] if options else []
    told += [f"in {of}" if of else "by `score` only"]
    told += ["(takes minutes)"] if measure.variant.is_slow else []
    told += ["(made by the metric stage only)"] if measure.variant.is_made_by_stage else []
    return " ".join(told)


def _first_lower(sentence: str) -> str:
    return sentence if sentence[:2].isupper() else sentence[0].lower() + sentence[1:]


def main() -> None:
    """Write the page to standard output."""
    from metrics import CATALOGUE

    print(page(CATALOGUE), end="")


if __name__ == "__main__":
    main()
