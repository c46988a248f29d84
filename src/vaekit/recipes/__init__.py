"""Recipes: one file per named system of the literature."""

from vaekit.recipes.recipe import Recipe, recipe, recipes
from vaekit.recipes.system import System

__all__ = ["Recipe", "System", "recipe", "recipes"]
