import re
from pathlib import Path

import pytest

from pipeline.configurables import CONFIGURABLES, by_name, dataset_recipes, gin_name
from pipeline.errors import ConfigurationError
from pipeline.experiment import load_experiment

SMOKE = ["gin/cdsprites.gin", "gin/parts/budgets/smoke.gin"]


def refusal(*settings, files=SMOKE):
    with pytest.raises(ConfigurationError) as error:
        load_experiment(files, settings)
    return str(error.value)


def test_a_missing_file_is_refused_with_those_there_are():
    message = refusal(files=["gin/cdsprite.gin"])
    assert "gin/cdsprite.gin" in message and "Did you mean 'gin/cdsprites.gin'?" in message


def test_a_missing_include_names_file_and_line(tmp_path):
    file = tmp_path / "own.gin"
    file.write_text("ALPHA = 1.0\ninclude 'nowhere.gin'\n")
    message = refusal(files=[str(file)])
    assert "nowhere.gin" in message and "own.gin, line 2" in message


def test_syntax_errors_name_file_and_line(tmp_path):
    file = tmp_path / "own.gin"
    file.write_text("ALPHA = 1.0\nthis is not gin\n")
    assert "own.gin, line 2" in refusal(files=[str(file)])


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("ALPA = 1.0", "Did you mean 'ALPHA'?"),
        ("ALPHA = %ALPA", "%ALPA, which nothing defines"),
        ("infogancr.gap = 1.0", "Did you mean 'infogan_cr'?"),
        ("infogan_cr.gaps = 1.0", "Did you mean 'gap'?"),
        ("infogan_cr.codes = @joint_cod()", "Did you mean 'joint_code'?"),
        ("infogan.info_weight = 1.0", "Nothing in this experiment uses: infogan.info_weight"),
        ("other/adam.learning_rate = 1.0", "Nothing in this experiment uses: other/adam"),
        ("LAMBDA = -0.1", "info_weight=-0.1"),
        ("LAMBDA = 'much'", "Expected a finite number"),
        ("ALPHA = True", "Expected a finite number"),
        ("GAP = 2.5", "between 0.0 and 2.0"),
        ("BATCH_SIZE = 1000", "at most the 256 images"),
        ("BATCH_SIZE = 2.5", "batch_size=2.5"),
        ("uniform_codes.dim = 0", "dim=0"),
        ("NUM_SEEDS = 0", "num_seeds=0"),
        ("CHECKPOINT_EVERY = 3", "multiple of log_every=2"),
        ("cr_protocol.metrics = ('factor_va',)", "Received"),
        ("experiment.dataset = 'dsprites'", "experiment.dataset"),
        ("sweep.settings = {'a': {'ALPA': 1.0}}", "'ALPA'"),
        ("sweep.settings = {'a b': {'ALPHA': 1.0}}", "a b"),
        ("sweep.settings = {'a': {'NUM_POINTS': 300}, 'b': {}}", "experiment.metrics"),
        ("ALPHA = = 1", "not valid Gin"),
        ("ALPHA = (1.0,", "not valid Gin"),
        ("ALPHA = 1e999", "ALPHA"),
        ("sweep.settings = %ALPHA", "sweep.settings"),
    ],
)
def test_bad_bindings_are_refused(setting, expected):
    assert expected in refusal(setting)


def test_a_setting_that_the_sweep_overrides_is_refused():
    message = refusal("sweep.settings = {'a': {'ALPHA': 1.0}, 'b': {'ALPHA': 2.0}}", "ALPHA = 3.0")
    assert "has no effect" in message


def test_the_sweep_is_settings_times_seeds():
    sweep = "sweep.settings = {'weak': {'ALPHA': 1.0}, 'strong': {'ALPHA': 2.0}}"
    experiment = load_experiment(SMOKE, [sweep, "NUM_SEEDS = 3", "SEED = 5"])
    assert [setting.name for setting in experiment.settings] == ["weak", "strong"]
    assert experiment.seeds == (5, 6, 7)
    assert [setting.method.cr_weight.at(10**6) for setting in experiment.settings] == [1.0, 2.0]
    assert len({spec.model_id for spec in experiment.model_specs("data")}) == 6


def test_a_changed_alpha_changes_only_its_own_models():
    sweep = "sweep.settings = {{'a': {{'ALPHA': 1.0}}, 'b': {{'ALPHA': {}}}}}"
    before, after = (
        load_experiment(SMOKE, [sweep.format(alpha)]).model_specs("data") for alpha in (2.0, 3.0)
    )
    same = [one.model_id == other.model_id for one, other in zip(before, after, strict=True)]
    assert same == [True, True, False, False]


def test_how_often_to_save_does_not_change_a_model():
    one, other = (
        load_experiment(SMOKE, [f"CHECKPOINT_EVERY = {every}", f"PICTURE_EVERY = {every}"])
        for every in (2, 4)
    )
    assert one.model_specs("d")[0].model_id == other.model_specs("d")[0].model_id


def test_other_data_change_every_model():
    experiment = load_experiment(SMOKE)
    assert not {spec.model_id for spec in experiment.model_specs("one")} & {
        spec.model_id for spec in experiment.model_specs("other")
    }


def test_the_published_settings():
    """The table of Lin et al. 2020, appendix."""
    published = {
        "dsprites": (0.05, 2.0, 288000, 322560, 64, 5, (0.0,)),
        "teapots": (0.2, 3.0, 50000, 125000, 64, 5, (1.9, 0.0)),
        "cdsprites": (0.2, 2.0, 216000, 288000, 30, 2, (0.0,)),
    }
    for name, (info, alpha, start, iterations, batch, codes, gaps) in published.items():
        setting = load_experiment([f"gin/{name}.gin"]).settings[0]
        method = setting.method
        assert method.info_weight.values == (info,)
        assert method.cr_weight.steps == ((0, 0.0), (start, alpha))
        assert method.gap.values == gaps
        assert method.codes.num_codes == codes and method.codes.latent_dim == codes + 5
        assert (setting.training.iterations, setting.training.batch_size) == (iterations, batch)
        assert method.generator_steps == 2
        assert [
            optimizer.learning_rate
            for optimizer in (
                method.generator_optimizer,
                method.discriminator_optimizer,
                method.cr_optimizer,
            )
        ] == [1e-3, 2e-3, 2e-3]
        assert method.snapshots == {start: ("before_cr", "infogan_modified")}


def test_the_baselines_file_names_every_method():
    experiment = load_experiment(["gin/dsprites_baselines.gin"])
    methods = {type(setting.method).__name__ for setting in experiment.settings}
    assert methods == {
        "VAE", "AnnealedVAE", "FactorVAE", "BetaTCVAE", "DIPVAE", "HFVAE", "CHyVAE", "IBGAN",
        "InfoGAN",
    }  # fmt: skip
    assert len(experiment.settings) == 14
    weights = {
        setting.method.gamma: setting.training
        for setting in experiment.settings
        if setting.name.startswith("factor_vae-")
    }
    assert sorted(weights) == [1.0, 10.0, 20.0, 40.0]
    for training in weights.values():  # half of a batch trains the autoencoder
        assert (training.iterations, training.batch_size) == (311040, 128)
    smoke = load_experiment(["gin/dsprites_baselines.gin", SMOKE[1]])
    assert {setting.training.iterations for setting in smoke.settings} == {6}


def test_a_file_elsewhere_includes_ours_without_a_word(tmp_path, monkeypatch, capfd):
    (tmp_path / "mine.gin").write_text(
        "include 'gin/cdsprites.gin'\ninclude 'gin/parts/budgets/smoke.gin'\nALPHA = 0.5\n"
    )
    monkeypatch.chdir(tmp_path)
    setting = load_experiment(["mine.gin"]).settings[0]
    assert setting.method.cr_weight.values == (0.0, 0.5)
    assert capfd.readouterr().err == ""


REPOSITORY = Path(__file__).resolve().parents[2]
FILES = sorted(REPOSITORY.glob("gin/*.gin"))
BUDGETS = sorted(REPOSITORY.glob("gin/parts/budgets/*.gin"))


def pairs():
    """Return every file alone, and with each budget of its kind."""
    for file in FILES:
        yield file, None
        is_of_classes = file.stem.startswith(("codegan", "fashion", "infogan_mnist"))
        is_of_identities = file.stem.startswith("cvae_gan")
        for budget in BUDGETS:
            if budget.stem.endswith("classes") == is_of_classes and (
                budget.stem.startswith("cvae_gan") == is_of_identities
            ):
                yield file, budget


def loads_again(experiment, folder):
    """Load the text that a run keeps of an experiment, and compare all that it says."""
    kept = folder / "configuration.gin"
    kept.write_text(experiment.gin_text, encoding="utf-8")
    again = load_experiment([str(kept)])
    assert again == experiment
    assert [one.fingerprint for one in again.model_specs("data")] == [
        one.fingerprint for one in experiment.model_specs("data")
    ]


@pytest.mark.parametrize(
    ("file", "budget"),
    list(pairs()),
    ids=lambda path: path.stem if path else "its own budget",
)
def test_the_configuration_of_a_run_loads_and_gives_the_same_models(file, budget, tmp_path):
    files = [str(path) for path in (file, budget) if path is not None]
    # Its batches are larger than the data set of a smoke run, as its head says.
    settings = ["BATCH_SIZE = 64"] if file.stem == "beta_tcvae_dsprites" and budget else []
    try:
        experiment = load_experiment(files, settings)
    except ConfigurationError as error:
        if "Expected the folder with the files" in str(error):
            experiment = load_experiment(files, ["DATA_DIR = 'images'"])
        elif budget is None:
            raise
        else:  # the budget is of other files
            assert re.search("othing (in this experiment )?(uses|defines)", str(error))
            return
    loads_again(experiment, tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        ["infogan_cr.cr_weight = 2.0"],  # so nothing uses ALPHA, which the sweep changes
        ["metrics.protocols = ()"],
        ["sweep.settings = {'a': {'infogan_cr.info_weight': %ALPHA}}"],
        ["sweep.settings = {'a': {'ALPHA': %LAMBDA, 'infogan_cr.codes': @joint_code()}}"],
        [
            "experiment.dataset = @image_folder()",
            "image_folder.path = '''caf\u00e9's \"x\" \\\\ \udcff'''",
        ],
        ["experiment.dataset = @image_folder()", f"image_folder.path = {'/a long one' * 20!r}"],
    ],
)
def test_changed_configurations_load_again(settings, tmp_path):
    loads_again(load_experiment(["gin/quickstart.gin"], settings), tmp_path)


def test_a_sweep_that_is_a_macro_is_refused(tmp_path):
    message = refusal("SETTINGS = {'a': {}}", "sweep.settings = %SETTINGS")
    assert "sweep.settings" in message and "in its place" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"ALPHA = 1.0\n# caf\xe9\n", "line 2"),
        ("ALPHA = 1.0\n".encode("utf-16"), "iconv -f UTF-16"),
        (b"ALPHA = 1.0\ninclude 'latin.gin'\n", "latin.gin is not UTF-8"),
    ],
)
def test_files_that_are_not_utf8_are_refused_with_a_remedy(
    content, expected, tmp_path, monkeypatch
):
    (tmp_path / "latin.gin").write_bytes(b"# \xfc\n")
    (tmp_path / "own.gin").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    message = refusal(files=["own.gin"])
    assert expected in message and "Expected a Gin file in UTF-8" in message


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "own.gin"
    file.write_bytes("include 'gin/cdsprites.gin'\n".encode("utf-8-sig"))
    assert load_experiment([str(file)]).name == "cdsprites"


def test_a_module_that_cannot_be_imported_names_file_and_line(tmp_path):
    file = tmp_path / "own.gin"
    file.write_text("ALPHA = 1.0\nimport nowhere_at_all\n")
    message = refusal(files=[str(file)])
    assert "own.gin, line 2" in message and "nowhere_at_all" in message


def test_names_come_from_the_classes():
    names = {
        "ImageFolder": "image_folder",
        "DSprites": "dsprites",
        "IdxImages": "idx_images",
        "ResNetEncoder": "resnet_encoder",
        "RMSprop": "rmsprop",
        "ReportOptions": "report",
    }
    by_class = {recipe.__name__: name for name, recipe in CONFIGURABLES.items()}
    assert {name: by_class[name] for name in names} == names
    with pytest.raises(ValueError, match="Two recipes have one name.*Received: squares"):
        by_name([CONFIGURABLES["squares"]] * 2)


def test_every_data_set_is_found_and_no_base_class_among_them():
    found = {gin_name(recipe) for recipe in dataset_recipes()}
    assert {"squares", "teapots", "identity_split", "small_norb", "image_arrays"} <= found
    assert not {"grid_recipe", "cached_recipe", "dataset_recipe", "stored_images"} & found
