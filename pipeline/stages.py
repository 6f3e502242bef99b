"""The order of the stages is data: what each reads and writes, how it plans, how it runs."""

from pipeline import evaluate, prepare, report, select, train
from pipeline.stage import Stage

STAGES = (
    Stage("data", "the data set's recipe", "the image cache", prepare.plan, prepare.run),
    Stage("train", "images", "models/, models.csv", train.plan, train.run),
    Stage("metrics", "images, encoders", "codes/, scores.csv", evaluate.plan, evaluate.run),
    Stage(
        "select",
        "images, generators, encoders, scores.csv",
        "cross_scores.csv, selection.csv, selection_summary.csv",
        select.plan,
        select.run,
    ),
    Stage("report", "the CSV files, traversals", "report/", report.plan, report.run),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)
