"""The proof of the house: one more of everything, in as few files as the architecture promises.

In a copy of the repository one more metric, VAE, GAN, data set, selection method and plot are
written, each in files of its own and lines of a face, and one run goes through with all of them, to
the page.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("gin", "models", "metrics", "pipeline", "run_pipeline.py")

METRIC_FILE = '''"""The largest correlation of two codes."""

import numpy as np

from metrics.shared.record import Metric, Result, Variant
from metrics.shared.validation import check_codes


def largest_correlation(codes):
    """Return the largest absolute correlation of two different codes; 0 without two."""
    codes = check_codes(codes)
    codes = codes[:, codes.std(axis=0) > 0]
    if codes.shape[1] < 2:
        return {"largest_correlation": 0.0}
    correlations = np.abs(np.corrcoef(codes.T)) - np.eye(codes.shape[1])
    return {"largest_correlation": float(min(correlations.max(), 1.0))}


LARGEST_CORRELATION = Metric(
    name="largest_correlation",
    title="Largest correlation",
    function=largest_correlation,
    needs=frozenset({"codes"}),
    results=(Result("largest_correlation", "Largest correlation", "low"),),
    variants=(Variant(name="largest_correlation", protocols=("cr", "dlib")),),
    bootstrap="None.",
    source="This test.",
    pitfalls="Sees pairs, and only what is linear.",
)
'''
VAE_FILE = '''"""A VAE whose posterior means stay near 0."""

import dataclasses

from models import checks
from models.vaes.autoencoder import Autoencoder


@dataclasses.dataclass(frozen=True, kw_only=True)
class NearVAE(Autoencoder):
    """Penalises the squares of the means beside the KL.

    Attributes:
        weight: of the squares.
        name: how tables call the method.
    """

    weight: float
    name: str = "near_vae"

    regulariser_names = ("kl", "squares")

    def __post_init__(self):
        super().__post_init__()
        checks.number("weight", self.weight, minimum=0.0)

    def regularise(self, batch):
        """Return KL + weight E[mean^2]; report both."""
        import tensorflow as tf

        from models.losses.variational import kl_to_prior

        kl = kl_to_prior(*batch.posterior)
        squares = tf.reduce_mean(tf.reduce_sum(tf.square(batch.posterior[0]), axis=1))
        return kl + self.weight * squares, {"kl": kl, "squares": squares}
'''
VAE_PART = """experiment.method = @near_vae()
include 'gin/parts/methods/vae_networks.gin'

near_vae.weight = 0.1
near_vae.codes = @latents/joint_code()
near_vae.encoder = @posterior/conv_encoder()
near_vae.decoder = @decoder/deconv_generator()
near_vae.optimizer = @autoencoder/adam()
"""
GAN_FILE = '''"""InfoGAN whose generator is taught first: what Gin binds."""

import dataclasses

from models.gans.infogan import InfoGAN


@dataclasses.dataclass(frozen=True, kw_only=True)
class FirstInfoGAN(InfoGAN):
    """Updates G before D and Q.

    Attributes:
        name: how tables call the method.
    """

    name: str = "first_infogan"

    def _model_class(self):
        from models.gans.first_infogan_model import FirstInfoGANModel

        return FirstInfoGANModel
'''
GAN_MODEL = '''"""InfoGAN whose generator is taught first, as a Keras model."""

from models.gans.infogan_model import InfoGANModel
from models.layers.frozen import Frozen


class FirstInfoGANModel(InfoGANModel):
    """Updates G once, then D and Q."""

    def train_step(self, images):
        """Do one iteration."""
        real = self.unit_range(images)
        latents = self.draw_latents(real, "codes")
        tape, fakes = self.generate(latents)
        discriminator = Frozen(self.discriminator)
        results = self.update_generator(tape, fakes, latents, discriminator)
        discriminator.advance_spectral_vectors()
        results |= self.update_discriminator(real, fakes, latents)
        return self.end_iteration(results)
'''
GAN_PART = """experiment.method = @first_infogan()

first_infogan.codes = @joint_code()
first_infogan.generator = @deconv_generator()
first_infogan.discriminator = @conv_discriminator()
first_infogan.generator_optimizer = @generator/adam()
first_infogan.discriminator_optimizer = @discriminator/adam()
first_infogan.info_weight = 0.5
first_infogan.generator_steps = 1
"""
DATASET_FILE = '''"""Bars: a horizontal and a vertical one."""

import dataclasses

import numpy as np

from pipeline.datasets.grid import GridRecipe, check_factors


@dataclasses.dataclass(frozen=True)
class Bars(GridRecipe):
    """Two bars that cross, 16x16."""

    name = "Bars"
    factor_names = ("row", "column")
    factor_sizes = (12, 12)
    image_shape = (16, 16, 1)

    def render(self, factors):
        """Draw bars, uint8 [n, 16, 16, 1]."""
        factors = check_factors(factors, self.factor_sizes)
        images = np.zeros((len(factors), *self.image_shape), np.uint8)
        for image, (row, column) in zip(images, factors, strict=True):
            image[row : row + 3] = 255
            image[:, column : column + 3] = 255
        return images
'''
DATASET_PART = """experiment.dataset = @bars()
bars.num_images = %NUM_IMAGES
"""
SELECTION_FILE = '''"""The model with the largest spread of codes."""

from pipeline.selection.evidence import Evidence
from pipeline.selection.method import SelectionMethod
from pipeline.selection.ranking import Pool, Ranking, best_first


def _rank(evidence: Evidence, pool: Pool, prepared: None) -> Ranking:
    codes = evidence.codes.codes
    scores = {name: float(codes[name].std(axis=0).mean()) for name in pool.model_ids}
    return Ranking(pool=pool.name, method="spread", scores=scores, order=best_first(scores))


SPREAD = SelectionMethod(
    name="spread",
    title="Widest codes",
    reason="of all, its codes have the largest spread",
    source="this test",
    needs=frozenset({"codes"}),
    rank=_rank,
)
'''
PLOT_FILE = '''"""How many models there are of each setting."""

from pipeline.stages.report.plots.plot import Chart, Drawing, Plot
from pipeline.stages.report.plots.style import PAGE, new_figure


def find(report):
    """Yield one plot."""
    counts = report.tables.models.groupby("setting").size().rename("count").reset_index()

    def draw():
        figure = new_figure(PAGE, 2.0)
        figure.subplots().bar(counts["setting"], counts["count"])
        return Chart(figure, [])

    yield Drawing("models_of_settings", "Models", "Models of each setting.", counts, draw)


PLOT = Plot("selection", find)
'''
# What is added -> the files that it is written in: a text, or lines before those that are there.
ADDITIONS = {
    "metric": {
        "metrics/independence/largest_correlation.py": METRIC_FILE,
        "metrics/__init__.py": {
            "from metrics.selection.centrality": "from metrics.independence.largest_correlation "
            "import LARGEST_CORRELATION, largest_correlation\n",
        },
    },
    "VAE": {
        "models/vaes/near_vae.py": VAE_FILE,
        "gin/parts/methods/near_vae.gin": VAE_PART,
    },
    "GAN": {
        "models/gans/first_infogan.py": GAN_FILE,
        "models/gans/first_infogan_model.py": GAN_MODEL,
        "gin/parts/methods/first_infogan.gin": GAN_PART,
    },
    "data set": {
        "pipeline/datasets/bars.py": DATASET_FILE,
        "gin/parts/data/bars.gin": DATASET_PART,
    },
    "selection method": {
        "pipeline/selection/spread.py": SELECTION_FILE,
        "pipeline/selection/__init__.py": {
            "from pipeline.selection.supervised": "from pipeline.selection.spread import SPREAD\n",
            "        SUPERVISED,\n": "        SPREAD,\n",
        },
    },
    "plot": {
        "pipeline/stages/report/plots/models_of_settings.py": PLOT_FILE,
        "pipeline/stages/report/plots/__init__.py": {
            "    settings,\n": "    models_of_settings,\n",
            "    training.METRIC,\n": "    models_of_settings.PLOT,\n",
        },
    },
}
PROMISED = {"metric": 2, "VAE": 2, "GAN": 3, "data set": 2, "selection method": 2, "plot": 2}
EXPERIMENT = """include 'gin/quickstart.gin'
include 'gin/parts/methods/near_vae.gin'
include 'gin/parts/methods/first_infogan.gin'
include 'gin/parts/data/bars.gin'
include 'gin/parts/budgets/smoke.gin'
experiment.name = 'house'
decoder/deconv_generator.deconv = (8,)
decoder/deconv_generator.base_channels = 8
posterior/conv_encoder.conv = (8, 8)
deconv_generator.deconv = (8,)
conv_discriminator.conv = (8, 8)
cr_protocol.metrics = ('mig', 'largest_correlation')
selection.methods = ('model_centrality', 'spread')
sweep.settings = {
    'gan': {'experiment.method': @first_infogan()},
    'vae': {'experiment.method': @near_vae()},
}
NUM_SEEDS = 1
NUM_IMAGES = None
"""


def add(house: Path, files: dict) -> None:
    """Write what is new, and change what a face lists."""
    for name, content in files.items():
        path = house / name
        if isinstance(content, str):
            assert not path.exists()
            path.write_text(content, encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
            for found, line in content.items():
                assert text.count(found) == 1, (name, found)
                text = text.replace(found, line + found)
            path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("kind", PROMISED)
def test_as_few_files_as_promised(kind):
    assert len(ADDITIONS[kind]) == PROMISED[kind]


@pytest.mark.slow
def test_one_more_of_everything_runs_through_to_the_page(tmp_path):
    house = tmp_path / "house"
    house.mkdir()
    for room in ROOMS:
        source = REPOSITORY / room
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, house / room, ignore=ignored)
        else:
            shutil.copy(source, house / room)
    for files in ADDITIONS.values():
        add(house, files)
    (house / "gin" / "house.gin").write_text(EXPERIMENT, encoding="utf-8")
    out = tmp_path / "run"
    command = [sys.executable, "run_pipeline.py", "--gin", "gin/house.gin", "--out", str(out)]
    finished = subprocess.run(
        [*command, "--cache", str(tmp_path / "cache"), "--workers", "1"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    models = pd.read_csv(out / "models.csv")
    assert set(models.method) == {"first_infogan", "near_vae"} and (models.status == "done").all()
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores.dataset) == {"Bars"} and "largest_correlation" in set(scores.metric)
    assert "spread" in set(pd.read_csv(out / "selection.csv").selection_method)
    page = (out / "report" / "index.html").read_text(encoding="utf-8")
    for shown in ("Largest correlation", "Widest codes", "Models of each setting."):
        assert shown in page, shown
