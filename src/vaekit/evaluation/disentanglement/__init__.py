"""Whether dimensions of codes stand for single factors of variation: six scores, each of codes (N, D) and factors (N, F)."""

from vaekit.evaluation.disentanglement.beta_vae import BetaVAEScore, beta_vae_score
from vaekit.evaluation.disentanglement.boosting import boosted
from vaekit.evaluation.disentanglement.dci import DCI, dci, gradient_boosting
from vaekit.evaluation.disentanglement.factor_vae import FactorVAEScore, factor_vae_score
from vaekit.evaluation.disentanglement.mig import MIG, mig
from vaekit.evaluation.disentanglement.modularity import Modularity, modularity
from vaekit.evaluation.disentanglement.sap import SAP, sap
from vaekit.evaluation.disentanglement.scores import Disentanglement, disentanglement

__all__ = [
    "DCI",
    "MIG",
    "SAP",
    "BetaVAEScore",
    "Disentanglement",
    "FactorVAEScore",
    "Modularity",
    "beta_vae_score",
    "boosted",
    "dci",
    "disentanglement",
    "factor_vae_score",
    "gradient_boosting",
    "mig",
    "modularity",
    "sap",
]
