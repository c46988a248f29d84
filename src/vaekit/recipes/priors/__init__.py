"""Priors that are fitted to the codes of a trained model: one file per kind."""
