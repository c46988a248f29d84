"""The tables of benchmarks/fitted_prior.py: priors fitted afterwards, and estimators of a gradient."""

from collections.abc import Callable, Sequence
from typing import Any

Table = Callable[[Sequence[str], Sequence[Sequence[Any]]], str]
NORMAL = "normal"


def fitted(record: dict[str, Any], table: Table) -> str:
    """Every prior of every seed, and what it gained over the normal of the same run."""
    rows = []
    for seed, priors in record["seeds"].items():
        for name, found in priors.items():
            gain = value(found, "ELBO") - value(priors[NORMAL], "ELBO")
            rows.append(
                [
                    seed,
                    "standard normal, as trained" if name == NORMAL else f"{name}, fitted afterwards",
                    f"{value(found, 'ELBO'):.2f}",
                    "" if name == NORMAL else f"{gain:+.2f}",
                    f"{value(found, 'log-likelihood'):.2f}",
                    f"{value(found, 'aggregate KL of z'):.2f}",
                    f"{value(found, 'holes'):.3f} ± {found['holes']['standard_error']:.3f}",
                ]
            )
    head = ["seed", "prior", "ELBO, nats", "gain", "log p(x), 100 samples", "KL(q(z) to p(z))", "holes (0.5: none)"]
    samples = [
        [name, f"{row['variance']:.4g}", f"{row['signal_to_noise']:.3f}", bias(row)]
        for name, row in sorted(record["gradients"].items(), key=lambda row: row[1]["variance"])
    ]
    return (
        "`vae` on the digits of scikit-learn; encoder and decoder of each seed's run stay as they are.\n\n"
        + table(head, rows)
        + "\nEstimators of the gradient of q(z|x), at the posterior of the first seed's run, "
        + f"{record['settings']['draws']} draws for each estimate (`vaekit gradients RUN`):\n\n"
        + table(["estimator", "variance", "signal to noise", "bias"], samples)
        + "\n![variance of estimators](images/gradients.png)\n"
    )


def value(found: dict[str, Any], name: str) -> float:
    """One figure."""
    return float(found[name]["value"])


def bias(row: dict[str, Any]) -> str:
    """Of the gradient's length."""
    return "none" if row["bias"] is None else f"{row['bias']:.0%}"
