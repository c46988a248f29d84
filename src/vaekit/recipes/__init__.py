"""Recipes: one file per named system of the literature."""

from vaekit.recipes.latent_spec import LatentSpec
from vaekit.recipes.recipe import Recipe, prior_recipe, prior_recipes, recipe, recipes
from vaekit.recipes.system import System

__all__ = ["LatentSpec", "Recipe", "System", "prior_recipe", "prior_recipes", "recipe", "recipes"]
