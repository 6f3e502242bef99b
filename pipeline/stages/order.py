"""The order of the stages is data: what each reads and writes, how it plans, how it runs."""

from pipeline.stages.data import stage as prepare
from pipeline.stages.metrics import stage as evaluate
from pipeline.stages.report import stage as report
from pipeline.stages.select import stage as select
from pipeline.stages.stage import Stage
from pipeline.stages.train import stage as train

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
