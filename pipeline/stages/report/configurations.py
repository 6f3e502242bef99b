"""What made what the report shows: the Gin texts kept with models and results.

The last command's own text, configuration.gin, may be that of other models: `--stages report`
with another setting changes none of them. So each model keeps the text that it was trained under,
and the manifests of the later stages keep theirs.
"""

import dataclasses
from pathlib import Path

from pipeline.runs.directory import RunDirectory
from pipeline.runs.manifests import read_manifest
from pipeline.stages.report.summaries import RunTables


@dataclasses.dataclass(frozen=True)
class KeptConfiguration:
    """A Gin text, and what was made under it.

    Attributes:
        text: A Gin file that loads.
        path: Where it is, relative to the run directory; None where only a manifest has it.
        models: The models of models.csv that were trained under it, sorted.
        stages: The later stages, of "metrics" and "select", whose results were made under it.
    """

    text: str
    path: Path | None
    models: tuple[str, ...]
    stages: tuple[str, ...]


def kept_configurations(directory: RunDirectory, run: RunTables) -> list[KeptConfiguration]:
    """Return every text under which something of a run was made, that of most models first.

    One text in the usual case. Models, scores and rankings that the tables do not show count for
    nothing, and neither does the last command. Models of earlier versions kept no text.
    """
    models: dict[str, list[str]] = {}
    final = run.models[(run.models["export"] == "final") & (run.models["status"] == "done")]
    for model_id in sorted(final["model_id"]):
        path = directory.model(model_id).configuration
        if path.exists():
            models.setdefault(path.read_text(encoding="utf-8"), []).append(model_id)
    stages: dict[str, list[str]] = {}
    for stage, table in (("metrics", run.scores), ("select", run.selection)):
        content = read_manifest(directory.manifest(stage))
        if table is not None and not table.empty and content and content.get("configuration"):
            stages.setdefault(content["configuration"], []).append(stage)
    texts = sorted({**models, **stages}, key=lambda text: (-len(models.get(text, ())), text))
    return [
        KeptConfiguration(
            text,
            _path(directory, text, models.get(text, [])),
            tuple(models.get(text, ())),
            tuple(stages.get(text, ())),
        )
        for text in texts
    ]


def _path(directory: RunDirectory, text: str, models: list[str]) -> Path | None:
    """Return the shortest path that holds a text."""
    last = directory.configuration
    if last.exists() and last.read_text(encoding="utf-8") == text:
        return last.relative_to(directory.root)
    if models:
        return directory.model(models[0]).configuration.relative_to(directory.root)
    return None
