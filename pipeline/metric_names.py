"""What a metric is called in the report, where it stands, and which end is better."""

from collections.abc import Collection

# fmt: off
LEARNERS = (
    ("gbt", "boosted trees"), ("hist_gbt", "histogram trees"), ("random_forest", "random forest"),
    ("lasso", "lasso"), ("logistic", "logistic"),
)
# The order of metrics for a reader, best known first; others follow in alphabetical order.
METRIC_NAMES = {
    "factor_vae": "FactorVAE", "beta_vae": "BetaVAE", "mig": "MIG", "sap": "SAP",
    "modularity": "Modularity", "explicitness_test": "Explicitness",
    **{f"dci_{key}_disentanglement": f"DCI disentanglement, {name}" for key, name in LEARNERS},
    "irs": "IRS", "factor_vae_revised": "FactorVAE (revised)",
    "factor_vae_eval": "FactorVAE (fresh groups)", "beta_vae_eval": "BetaVAE (fresh groups)",
    "factor_vae_num_active": "Active codes",
    "explicitness_train": "Explicitness (training part)",
    **{
        f"dci_{key}_{part}": f"DCI {told}, {name}"
        for part, told in (
            ("completeness", "completeness"),
            ("informativeness_test", "informativeness"),
            ("informativeness_train", "informativeness (training part)"),
            ("nrmse_test", "error"),
            ("nrmse_train", "error (training part)"),
        )
        for key, name in LEARNERS
    },
    "gaussian_total_correlation": "Gaussian total correlation",
    "gaussian_wasserstein_correlation": "Gaussian Wasserstein correlation",
    "pairwise_mutual_information": "Pairwise mutual information", "dhsic": "dHSIC",
    "inception_score": "Inception score", "frechet_distance": "Fréchet distance",
    "fid_local": "FID (local classifier)", "fid_inception": "FID (Inception-V3)",
    "mode_kl": "Mode KL", "confidence": "Classifier confidence",
    "acc_hungarian": "Accuracy (Hungarian)", "acc_purity": "Accuracy (purity)", "nmi": "NMI",
    "ari": "ARI", "acc_hungarian_std": "Accuracy (Hungarian), spread",
    "acc_purity_std": "Accuracy (purity), spread", "nmi_std": "NMI, spread",
    "ari_std": "ARI, spread", "classifier_error": "Error of Q as classifier",
    "classifier_acc_hungarian": "Accuracy of Q (Hungarian)",
    "classifier_acc_purity": "Accuracy of Q (purity)", "classifier_nmi": "NMI of Q",
    "classifier_ari": "ARI of Q", "information_bound": "Information bound L_I (nats)",
    "code_entropy": "Entropy of the code H(c) (nats)",
    "generated_accuracy": "Generated classes told right",
    "code_purity": "Purity of generated classes", "classes_covered": "True classes covered",
    "least_class_share": "Share of the rarest class",
    "least_diversity": "Diversity of the least diverse class", "mean_diversity": "Diversity",
    **{
        f"{view}_{score}_{part}": f"{name}: {told} ({part})"
        for part in ("seen", "unseen")
        for view, name in (
            ("s", "s"), ("z", "z"), ("z_mean", "Mean of z"), ("codes", "Codes"),
            ("codes_drawn", "Codes, drawn"), ("images", "Images"),
        )
        for score, told in (("accuracy", "identity"), ("information", "nats of identity"))
    },
    **{
        f"{error}_{part}": f"{name} ({part})"
        for part in ("seen", "unseen")
        for error, name in (
            ("reconstruction_error", "Reconstruction error"), ("swap_error", "Swap error"),
            ("chance", "Chance"),
        )
    },
}
# The table of Lin et al. 2020: column -> title and the metrics that can stand in it, first choice
# first. Which learner the paper's DCI has is not known.
PAPER_TABLE = {
    "factor_vae": ("FactorVAE", ("factor_vae",)),
    "dci": ("DCI", tuple(f"dci_{key}_disentanglement" for key in (
        "lasso", "random_forest", "gbt", "hist_gbt", "logistic"))),
    "sap": ("SAP", ("sap",)),
    "explicitness": ("Explicitness", ("explicitness_test", "explicitness_train")),
    "modularity": ("Modularity", ("modularity",)),
    "mig": ("MIG", ("mig",)),
    "beta_vae": ("BetaVAE", ("beta_vae",)),
}
NEEDS_FACTORS = (
    "factor_vae", "beta_vae", "mig", "sap", "modularity", "explicitness", "dci_", "irs", "acc_",
    "nmi", "ari", "classifier_", "s_accuracy", "z_accuracy", "z_mean_accuracy",
)
LOWER_IS_BETTER = (
    "nrmse", "total_correlation", "wasserstein", "mutual_information", "dhsic", "frechet", "fid_",
    "mode_kl", "classifier_error", "z_accuracy", "z_information", "z_mean", "reconstruction_error",
    "swap_error",
)
NO_DIRECTION = ("num_active", "_std", "code_entropy", "chance", "images_", "codes_")
# fmt: on


def order(metric: str) -> tuple[int, str]:
    """Return a key that sorts metrics for a reader."""
    known = list(METRIC_NAMES)
    return (known.index(metric) if metric in known else len(known), metric)


def name(metric: str) -> str:
    """Return what a metric is called."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def needs_factors(metric: str) -> bool:
    """Say whether a metric is measured against known factors."""
    return metric.startswith(NEEDS_FACTORS)


def better_end(metric: str) -> str:
    """Return "high" or "low", or "" where neither is better."""
    if any(part in metric for part in NO_DIRECTION):
        return ""
    return "low" if any(part in metric for part in LOWER_IS_BETTER) else "high"


def title(metric: str) -> str:
    """Return the name of a metric with an arrow to its better end."""
    arrow = {"high": "\N{NO-BREAK SPACE}↑", "low": "\N{NO-BREAK SPACE}↓", "": ""}
    return name(metric) + arrow[better_end(metric)]


def paper_columns(measured: Collection[str]) -> dict[str, str]:
    """Return column -> metric of the paper's table, of those columns that were measured."""
    chosen = {
        column: next((metric for metric in metrics if metric in measured), None)
        for column, (_, metrics) in PAPER_TABLE.items()
    }
    return {column: metric for column, metric in chosen.items() if metric is not None}


def dci_learner(metric: str) -> str:
    """Return the learner in the name of a DCI metric, such as "random_forest"."""
    return metric.removeprefix("dci_").removesuffix("_disentanglement")
