"""Recipes by name: found in this folder, checked against their own signatures."""

import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args, get_origin

import annotated_types as bounds
from typing_extensions import Doc

from vaekit.data import DataSpec
from vaekit.priors import Prior
from vaekit.recipes.latent_spec import LatentSpec
from vaekit.recipes.system import System

__all__ = ["Option", "Recipe", "prior_recipe", "prior_recipes", "recipe", "recipes"]

Of = TypeVar("Of")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Option:
    """A keyword argument of a recipe: its type, default, help, and bounds."""

    name: str
    type: Any
    default: Any
    help: str
    bounds: tuple[bounds.BaseMetadata, ...]

    def check(self, value: Any) -> Any:
        """The value, as its type; ValueError in a sentence where it is none or out of bounds."""
        value = cast(self.name, self.type, value)
        for item in value if isinstance(value, tuple) else () if value is None else (value,):
            for bound in self.bounds:
                if not within(bound, item):
                    raise ValueError(f"{self.name} must be {in_words(bound)}, got {item}")
        return value


@dataclass(frozen=True)
class Recipe(Generic[Of, Made]):
    """A function from what it is made for and keyword options to what it makes, with its name and what it is for.

    Recipes of models make a `System` of a `DataSpec`; those of priors a prior of a `LatentSpec`.
    """

    name: str
    function: Callable[..., Made]
    options: dict[str, Option]

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options with their values: those given, checked, and the defaults of the others."""
        for name in given:
            if name not in self.options:
                raise ValueError(f"recipe {self.name!r} has no option {name!r}{nearest(name, self.options)}")
        return {name: o.check(given[name]) if name in given else o.default for name, o in self.options.items()}

    def __call__(self, spec: Of, **given: Any) -> Made:
        """What the recipe makes for this."""
        return self.function(spec, **self.arguments(given))


@cache
def recipes() -> dict[str, Recipe[DataSpec, System]]:
    """Every recipe by name. A file `beta_vae.py` here that holds a function `beta_vae` is the recipe "beta-vae"."""
    return found_in("vaekit.recipes")


@cache
def prior_recipes() -> dict[str, Recipe[LatentSpec, Prior]]:
    """Every prior that can be fitted to a trained model, by name: likewise those of the folder `priors` here."""
    return found_in("vaekit.recipes.priors")


def recipe(name: str) -> Recipe[DataSpec, System]:
    """The recipe of that name; ValueError with the nearest names where there is none."""
    return of_name(name, recipes(), "recipe")


def prior_recipe(name: str) -> Recipe[LatentSpec, Prior]:
    """The prior of that name; ValueError with the nearest names where there is none."""
    return of_name(name, prior_recipes(), "prior")


def found_in(package: str) -> dict[str, Recipe[Any, Any]]:
    """The functions of a package that have the names of their files."""
    found: dict[str, Recipe[Any, Any]] = {}
    for module in pkgutil.iter_modules(import_module(package).__path__):
        function = getattr(import_module(f"{package}.{module.name}"), module.name, None)
        if inspect.isfunction(function) and module.name != "recipe":
            name = module.name.replace("_", "-")
            found[name] = Recipe(name, function, options_of(function))
    return found


def of_name(name: str, known: Mapping[str, Recipe[Of, Made]], kind: str) -> Recipe[Of, Made]:
    """The one of that name."""
    if name not in known:
        raise ValueError(f"there is no {kind} {name!r}{nearest(name, known)}")
    return known[name]


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The keyword options of a recipe's signature."""
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return {p.name: option_of(p.name, hints[p.name], p.default) for p in parameters}


def option_of(name: str, hint: Any, default: Any) -> Option:
    """An option from an annotation such as `Annotated[int, Ge(1), Doc("...")]`."""
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    kind = get_args(hint)[0] if extras else hint
    said = [extra.documentation for extra in extras if isinstance(extra, Doc)]
    limits = tuple(extra for extra in extras if isinstance(extra, bounds.BaseMetadata))
    return Option(name, kind, default, said[0] if said else "", limits)


def cast(name: str, kind: Any, value: Any) -> Any:
    """`value` as the option's type: from Python, from JSON or from a command line."""
    choices = get_args(kind)
    if get_origin(kind) is Literal:
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, got {value!r}")
        return value
    if type(None) in choices:
        return None if value is None else cast(name, next(c for c in choices if c is not type(None)), value)
    if get_origin(kind) is tuple:
        items = value if isinstance(value, list | tuple) else (value,)
        return tuple(cast(name, choices[0], item) for item in items)
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} must be of type {kind.__name__}, got {value!r}")
    return value


def within(bound: bounds.BaseMetadata, value: Any) -> bool:
    """Whether a value keeps a bound."""
    if isinstance(bound, bounds.Ge):
        return bool(value >= bound.ge)
    if isinstance(bound, bounds.Gt):
        return bool(value > bound.gt)
    if isinstance(bound, bounds.Le):
        return bool(value <= bound.le)
    assert isinstance(bound, bounds.Lt)
    return bool(value < bound.lt)


def in_words(bound: bounds.BaseMetadata) -> str:
    """A bound as a person says it."""
    if isinstance(bound, bounds.Ge):
        return f"at least {bound.ge}"
    if isinstance(bound, bounds.Gt):
        return f"above {bound.gt}"
    if isinstance(bound, bounds.Le):
        return f"at most {bound.le}"
    assert isinstance(bound, bounds.Lt)
    return f"below {bound.lt}"


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """The names nearest to a wrong one, or all of them."""
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    return f": did you mean {' or '.join(near)}?" if near else f": there are {', '.join(known)}"
