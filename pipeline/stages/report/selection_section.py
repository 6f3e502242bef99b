"""The report's section on selection: what each method chose, how good that is, and the ranking.

Its first table is that of Lin et al. 2020, for the user's own pool: the metrics of the model that
each method selected.
"""

from html import escape

import pandas as pd

from pipeline import metric_names
from pipeline.stages.report import html_parts as parts
from pipeline.stages.report import summaries

NUMBERS = (
    ("selected_score", "Score"),
    ("confidence", "Confidence"),
    ("supervised_value", "Supervised value"),
    ("pool_best", "Best in pool"),
    ("pool_median", "Median of pool"),
    ("regret_to_best", "Regret to best"),
    ("gain_over_median", "Gain over median"),
    ("rank_correlation", "Rank correlation"),
)
METHOD_NAMES = {
    "model_centrality": "ModelCentrality",
    "udr_lasso": "UDR Lasso",
    "udr_spearman": "UDR Spearman",
    "supervised": "Supervised",
}
POOL_ROWS = ("pool_mean", "pool_std", "pool_best")
PAPER_COLUMNS = (
    "pool", "row", "model_id", "protocol", "num_models", *metric_names.PAPER_TABLE, "dci_learner",
)  # fmt: skip
MANY_ROWS = 20  # longer tables of rankings are folded away


def paper_table(run: summaries.RunTables) -> pd.DataFrame:
    """Return the metrics of what each method selected, beside those of the pool.

    Returns:
        Columns `PAPER_COLUMNS`. For each pool a row a selection method, then the mean and the
        sample standard deviation of the pool's models, and the best value of each metric. Empty
        where nothing was selected or no metric of the table was measured.
    """
    if run.selection is None or run.scores is None:
        return pd.DataFrame(columns=list(PAPER_COLUMNS))
    rows = []
    for pool in summaries.pool_names(run):
        selection = run.selection[run.selection["pool"] == pool]
        members = sorted(selection["model_id"].unique())
        known = _scores_of(run, members)
        if known is None:
            continue
        protocol, scores = known
        columns = metric_names.paper_columns(scores.columns)
        values = pd.DataFrame({column: scores[metric] for column, metric in columns.items()})
        fixed = {"pool": pool, "protocol": protocol}
        if "dci" in columns:
            fixed["dci_learner"] = metric_names.dci_learner(columns["dci"])
        chosen = selection[selection["selected"]].set_index("selection_method")["model_id"]
        for method in [name for name in METHOD_NAMES if name in chosen.index]:
            model = {"row": method, "model_id": chosen[method]}
            if chosen[method] in values.index:
                rows.append(fixed | model | values.loc[chosen[method]].to_dict())
        counts = fixed | {"num_models": len(values)}
        rows.append(counts | {"row": "pool_mean"} | values.mean().to_dict())
        rows.append(counts | {"row": "pool_std"} | values.std(ddof=1).to_dict())
        rows.append(counts | {"row": "pool_best"} | values.max().to_dict())
    return pd.DataFrame(rows, columns=list(PAPER_COLUMNS))


def _scores_of(run: summaries.RunTables, model_ids: list[str]) -> tuple[str, pd.DataFrame] | None:
    """Return the protocol with most of the paper's metrics, and its scores by model and metric."""
    scores = run.scores[run.scores["model_id"].isin(model_ids)]
    best = None
    for protocol in sorted(scores["protocol"].unique()):
        wide = scores[scores["protocol"] == protocol].pivot_table(
            index="model_id", columns="metric", values="value", aggfunc="first"
        )
        count = len(metric_names.paper_columns(wide.columns))
        if count > (best[0] if best else 0):
            best = (count, protocol, wide)
    return None if best is None else best[1:]


def selection_section(run: summaries.RunTables) -> list[str]:
    """Return, for each pool, what was selected, at which regret, warnings and the ranking."""
    selected = summaries.selected_table(run)
    paper = paper_table(run)
    pools = summaries.pool_names(run) or sorted(selected["pool"].unique())
    section = []
    for pool in pools:
        if len(pools) > 1:
            section.append(f"<h3>Pool {escape(pool)}</h3>")
        chosen = selected[selected["pool"] == pool]
        section += _warnings(chosen)
        section += _paper_section(paper[paper["pool"] == pool])
        section += _regret_section(chosen)
        if run.selection is not None:
            section.append(_ranking(run.selection[run.selection["pool"] == pool]))
    if selected["supervised_metric"].any():
        measured = sorted(set(selected["supervised_metric"]) - {""})
        names = ", ".join(metric_names.name(metric) for metric in measured)
        section.append(
            parts.paragraph(
                f"The supervised value is {names}, measured with known factors. Regret: the best "
                "of the pool minus the selected; 0 is a perfect choice. Gain: the selected minus "
                "the median of the pool, which is about what a random choice gives.",
                faint=True,
            )
        )
    if selected["confidence"].notna().any():
        section.append(
            parts.paragraph(
                "Confidence: the share of bootstrap resamples in which the model wins "
                "(ModelCentrality: of the generators' groups; UDR: of the models that it is "
                "compared with). Where the medoid was searched for without computing every pair, "
                "the probability that no other model is above it is part of it, and the scores of "
                "models compared with fewer others are estimates.",
                faint=True,
            )
        )
    return section


def _warnings(chosen: pd.DataFrame) -> list[str]:
    """Return each warning once, with the methods that it concerns unless it concerns all."""
    methods: dict[str, list[str]] = {}
    for row in chosen.to_dict("records"):
        for text in filter(None, row["warnings"].split("; ")):
            methods.setdefault(text, []).append(_method_name(row["selection_method"]))
    return [
        parts.note(
            f"{text[0].upper()}{text[1:]}."
            if len(names) == len(chosen)
            else f"{', '.join(names)}: {text}."
        )
        for text, names in methods.items()
    ]


def _paper_section(table: pd.DataFrame) -> list[str]:
    """Return the paper's table of one pool."""
    columns = [name for name in metric_names.PAPER_TABLE if table[name].notna().any()]
    if not columns:
        return []
    found = table.set_index("row")
    methods = found.loc[[row for row in found.index if row in METHOD_NAMES]]
    rows = []
    for method, row in methods.iterrows():
        cells = [parts.cell(_method_name(method), small=row["model_id"])]
        for name in columns:
            is_best = methods[name].nunique() > 1 and row[name] == methods[name].max()
            cells.append(parts.cell(parts.number(row[name]), kind="best" if is_best else ""))
        rows.append(cells)
    mean, std, best = (found.loc[name] for name in POOL_ROWS)
    count = f"{int(mean['num_models'])} models"
    rows.append(
        [
            parts.cell("Mean of the pool", small=count),
            *(
                parts.cell(parts.number(mean[name]), small=f"± {parts.number(std[name])}")
                for name in columns
            ),
        ]
    )
    rows.append(
        [
            parts.cell("Best of the pool", small="of each metric"),
            *(parts.cell(parts.number(best[name])) for name in columns),
        ]
    )
    titles = [metric_names.PAPER_TABLE[name][0] for name in columns]
    learner = ", ".join(sorted(set(table["dci_learner"].dropna()) - {""})).replace("_", " ")
    dci = f" DCI is disentanglement with the {learner} learner." if learner else ""
    text = (
        f"Metrics of the model that each method selected, protocol {mean['protocol']}."
        f"{dci} The best of the selected is shaded."
    )
    return [parts.paragraph(text), parts.table(["Selected by", *titles], rows)]


def _regret_section(chosen: pd.DataFrame) -> list[str]:
    """Return what each method selected and how it stands in the pool."""
    if chosen.empty:
        return []
    shown = [(key, name) for key, name in NUMBERS if chosen[key].notna().any()]
    has_cells = chosen["num_cells"].notna().any()
    rows = []
    for row in sorted(chosen.to_dict("records"), key=_method_order):
        cells = [
            parts.cell(_method_name(row["selection_method"])),
            parts.cell(row["model_id"], kind="text"),
            *(parts.cell(parts.number(row[key])) for key, _ in shown),
            parts.cell(str(row["num_models"])),
        ]
        if has_cells:
            cells.append(parts.cell(_share(row["num_cells"], row["num_models"])))
        rows.append(cells)
    headers = ["Selected by", "Model", *(name for _, name in shown), "Models in pool"]
    headers += ["Cells computed"] if has_cells else []
    return [parts.table(headers, rows, texts=2)]


def _method_order(row: dict) -> tuple[int, str]:
    known, method = list(METHOD_NAMES), row["selection_method"]
    return (known.index(method) if method in known else len(known), method)


def _share(num_cells: float, num_models: int) -> str:
    if pd.isna(num_cells):
        return "–"
    return f"{int(num_cells):,} ({num_cells / num_models**2:.0%})"


def _ranking(selection: pd.DataFrame) -> str:
    methods = [name for name in METHOD_NAMES if name in set(selection["selection_method"])]
    methods += sorted(set(selection["selection_method"]) - set(methods))
    confident = {
        method
        for method, part in selection.groupby("selection_method")
        if part["confidence"].notna().any()
    }
    found = {(r["model_id"], r["selection_method"]): r for r in selection.to_dict("records")}
    first = selection[selection["selection_method"] == methods[0]].sort_values("rank")["model_id"]
    rows = []
    for model_id in dict.fromkeys([*first, *selection["model_id"]]):
        row = [parts.cell(model_id)]
        for method in methods:
            record = found.get((model_id, method))
            if record is None:
                row += [parts.cell("–")] * (3 if method in confident else 2)
                continue
            best = "best" if record["selected"] else ""
            row.append(parts.cell(str(record["rank"]), kind=best))
            row.append(parts.cell(parts.number(record["score"]), kind=best))
            if method in confident:
                row.append(parts.cell(parts.number(record["confidence"], 2), kind=best))
        rows.append(row)
    headers = ["Model"]
    for method in methods:
        columns = ("rank", "score", "confidence") if method in confident else ("rank", "score")
        headers += [f"{_method_name(method)}: {name}" for name in columns]
    table = parts.table(headers, rows)
    if len(rows) > MANY_ROWS:
        return parts.folded(f"Ranking of all {len(rows)} models", table)
    return f"<h3>Ranking</h3>{table}"


def _method_name(method: str) -> str:
    return METHOD_NAMES.get(method, method.replace("_", " "))
