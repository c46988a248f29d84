"""Priors that are fitted to the latents of a trained model: one file per kind."""
