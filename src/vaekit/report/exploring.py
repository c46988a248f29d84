"""The latent space on a page: what its dimensions carry, where examples lie, and what lies between and beside them."""

from collections.abc import Mapping, Sequence

import torch
from markupsafe import Markup, escape
from torch import Tensor

from vaekit.evaluation import Aggregate, Holes
from vaekit.latent import decoded, halfway, quantile_grid, spherical, straight, traversal
from vaekit.report.charts import COLOURS, bars_of_rates, cloud, emptiness, plane
from vaekit.report.columns import column_names, is_table, spreads
from vaekit.report.numbers import table
from vaekit.report.pictures import device_of
from vaekit.report.showing import class_names, shows_images, strip
from vaekit.report.subject import Exhibit, Section, Subject
from vaekit.report.vectors import arrows, fan
from vaekit.report.views import Views

__all__ = ["carried", "holes_shown", "interpolated", "manifold", "scattered", "traversed"]

PATHS, STEPS = 6, 9
DIMENSIONS, REACH = 8, 2.5  # how many are traversed, and how far, in standard deviations of the codes
PLANE = 15  # images along a side of the manifold
EMPTIEST = 12
LATENTS, DRAWN = 3, 1024  # latents whose dimensions are drawn, and dimensions of one, at most


def carried(subject: Subject, views: Views) -> Section | None:
    """KL per dimension of the latents that have one: of up to three, the explored one for certain."""
    found = subject.evaluation.latents.items()
    uses = {name: use for name, use in found if use.rate.shape == use.variance.shape and use.dimensions <= DRAWN}
    order = sorted(uses, key=lambda name: (name != views.latent, -float(uses[name].rate.sum())))[:LATENTS]
    uses = {name: use for name, use in uses.items() if name in order}
    if not uses:
        return None
    text = (
        "How many nats each dimension tells of an example, on average: its KL(q(z|x) || p(z)). A dimension is active "
        "(blue) where its code really differs between examples: the variance of E[z|x] exceeds 0.01"
        + (", told from its prior's mean in the prior's standard deviations." if views.named else ".")
    )
    exhibits = [
        Exhibit(bars_of_rates(use.rate, use.variance), f"{name}: {use.active} of {use.dimensions} active")
        for name, use in uses.items()
    ]
    rest = len(found) - len(uses)
    notes = [f"Of {rest} other latents the dimensions are not drawn."] if rest else []
    return Section("dimensions", "What each dimension carries", text, exhibits, notes)


def scattered(subject: Subject, views: Views) -> Section | None:
    """The codes of held-out examples in the plane, coloured by label."""
    if views.latent is None or views.flat.shape[1] < 2:
        return None
    points, _, _, said = plane(views.flat)
    labels = views.batch.get("labels")
    labels = None if labels is None or bool((labels < 0).all()) else labels
    names = [] if labels is None else class_names(subject.data.spec)
    text = (
        f"The posterior means{views.named} of {len(points):,} {views.role} examples in {said}. "
        + ("Each dot is an example, coloured by its label" if names else "Each dot is an example")
        + (", which the model was not told." if names and subject.data.spec.context != () else ".")
    )
    exhibits = [Exhibit(cloud(points, labels, names), legend(names), "square")]
    return Section("codes", "Where the examples lie", text, exhibits)


def legend(names: Sequence[str]) -> Markup:
    """A dot of its colour before each label."""
    shown = [f'<span class="key"><i class="c{i % COLOURS}"></i>{escape(name)}</span>' for i, name in enumerate(names)]
    return Markup(" ".join(shown[: 3 * COLOURS]))


def interpolated(subject: Subject, views: Views) -> Section | None:
    """From one held-out example to another through the latent space."""
    spec = subject.data.spec
    if views.latent is None or not (shows_images(spec) or series(subject)) or len(views.codes) < 2:
        return None
    path = spherical if views.priors else straight
    exhibits = []
    for i in range(min(PATHS if shows_images(spec) else 3, len(views.codes) // 2)):
        ways = {
            name: (halfway if name in views.discrete else path)(z[2 * i], z[2 * i + 1], STEPS)
            for name, z in views.all_codes.items()
        }
        made = at_values(subject, ways, views.context_of(2 * i, STEPS))
        alt = f"from example {2 * i + 1} to example {2 * i + 2} in {STEPS} steps"
        images = shows_images(spec)
        drawn = strip(made, alt, views.batch["x"]) if images else fan(made, alt)
        exhibits.append(Exhibit(drawn, "" if images else alt, "strip" if images else "chart"))
    how = (
        "along an arc, so that all steps are about as far from the origin as codes are" if views.priors else "straight"
    )
    text = (
        f"Each row leads from one held-out example (its code decoded, left) to another (right), {how}."
        f"{' All latents go together.' if views.named else ''} Steps between should look like data too.{in_context(views)}"
    )
    return Section("interpolation", "Between two examples", text, exhibits)


def traversed(subject: Subject, views: Views) -> Section | None:
    """One dimension of an example's code moved, the others left alone."""
    spec = subject.data.spec
    if views.latent is None or len(spec.shape) > 3 or views.x_hat is None:
        return None
    exhibits = [one_dimension(subject, views, j) for j in views.order[: min(DIMENSIONS, len(views.order))]]
    text = (
        f"Each picture moves one dimension{views.named} of one example's code from −{REACH:g} to +{REACH:g} standard "
        f"deviations of the codes and leaves {'the others and all other latents' if views.named else 'the others'} alone; "
        f"the most informative dimensions come first.{in_context(views)}"
    )
    if views.curved:
        text += " As codes lie on a sphere, each is then brought back to length 1, and the others shrink with it."
    if is_table(spec):
        text += " Arrows show the columns that move most, in their standard deviations."
    return Section("traversals", "One dimension at a time", text, exhibits)


def one_dimension(subject: Subject, views: Views, j: int) -> Exhibit:
    """A strip of images, a fan of curves, or arrows for a table's columns."""
    spec, codes = subject.data.spec, views.flat[:, j]
    steps = torch.linspace(-REACH, REACH, STEPS) * codes.std(correction=0) + codes.mean()
    made = made_of(subject, views, traversal(views.codes[0], j, steps), 0)
    caption = f"dimension {j}: {views.informs(j)}"
    alt = f"{caption}: from low at the left to high at the right"
    if shows_images(spec):
        return Exhibit(strip(made, alt, views.batch["x"]), caption, "strip")
    if is_table(spec):
        scale = spreads(views.batch["x"])
        start, low, high = views.batch["x"].mean(0), made[0], made[-1]
        moved = f"{caption}: where each column goes, low (grey) to high (blue)"
        return Exhibit(arrows((low - start) / scale, (high - start) / scale, column_names(spec), moved), caption)
    return Exhibit(fan(made, alt), caption)


def manifold(subject: Subject, views: Views) -> Section | None:
    """The plane of a latent of two dimensions, decoded at even quantiles of the prior."""
    spec = subject.data.spec
    alone = len(views.all_codes) == 1
    if not (alone and views.plain) or views.codes[0].numel() != 2 or not shows_images(spec):
        return None
    side = PLANE if max(spec.shape) <= 48 else 9
    made = made_of(subject, views, quantile_grid(side).reshape(-1, *views.codes.shape[1:]), 0)
    text = (
        f"The latent has two dimensions, so all of it can be seen: {side} by {side} values at even quantiles of the prior, "
        f"decoded. Every cell stands for the same share of what the model generates.{in_context(views)}"
    )
    exhibit = Exhibit(strip(made, "the plane of the latent, decoded", views.batch["x"], side), kind="strip")
    return Section("manifold", "The whole latent plane", text, [exhibit])


def holes_shown(subject: Subject, views: Views, found: Holes | None, filled: Aggregate | None) -> Section | None:
    """How far prior and codes can be told apart, where the prior is empty of codes, what is decoded there, and the terms
    of the rate.
    """
    if found is None:
        return None
    use = subject.evaluation.latents.get(found.latent)
    flat, drawn = found.aggregate.flatten(1), found.prior.flatten(1)
    of = f" of {found.latent}" if views.named else ""
    text = (
        f"Samples start from draws of the prior{of}, but the decoder has only learned what to do where codes of data lie. "
        f"A classifier told the two apart with an area under the curve of {found.auc:.3f} ± {found.standard_error:.3f} "
        f"(0.5: they are alike, 1: always told apart). {found.share:.0%} of the prior lies where codes are less than a "
        "tenth as dense."
    )
    terms = [] if filled is None else [terms_of(filled)]
    if flat.shape[1] < 2:
        return Section("holes", "Holes in the latent space", text, terms)
    if use is not None and flat.shape[1] > 2 and use.rate.numel() == flat.shape[1]:
        first, second = use.rate.flatten().argsort(descending=True)[:2].tolist()
        points, data, said = drawn[:, [first, second]], flat[:, [first, second]], f"dimensions {first} and {second}"
    else:
        data, axes, centre, said = plane(flat)
        points = (drawn - centre) @ axes
    chart = Exhibit(emptiness(points, found.log_ratio, data), depth_key(), "square")
    notes = [f"Shown in the plane of {said}. The colour is judged in all dimensions."]
    if views.named:
        notes.append(f"{found.latent} is tested, the first latent that tells more than a twentieth of all nats.")
    return Section("holes", "Holes in the latent space", text, [chart, *dreams(subject, found), *terms], notes)


def terms_of(filled: Aggregate) -> Exhibit:
    """What of the rate codes tell, how they hang together, and how far they stray from the prior."""
    caption = (
        "What the nats of the rate are spent on: on telling examples apart (mutual information), and on codes that are not "
        "distributed as the prior (aggregate KL), as they hang together (total correlation) or each dimension strays"
    )
    lines = [(name, str(figure), figure.unit, figure.what) for name, figure in filled.figures().items()]
    return Exhibit(table(("", "value", "unit", "what it is"), lines, "figures"), caption, "strip")


def dreams(subject: Subject, found: Holes) -> list[Exhibit]:
    """What the model makes of the emptiest draws of the prior."""
    spec = subject.data.spec
    if not shows_images(spec):
        return []
    chosen = found.emptiest(EMPTIEST)
    context = None if found.context is None else found.context[chosen]
    made = at_values(subject, {found.latent: found.prior[chosen]}, context)
    caption = "What the model makes of the emptiest draws of the prior: likely its worst samples"
    return [Exhibit(strip(made, caption, made.clamp(0, 1), 4), caption, "strip")]


def depth_key() -> Markup:
    """What the colours of emptiness stand for."""
    said = ("codes 30 times rarer than the prior", "10 times", "3 times", "rarer", "as dense or denser")
    shown = [f'<span class="key"><i class="h{i}"></i>{words}</span>' for i, words in enumerate(said)]
    return Markup(" ".join([*shown, '<span class="key"><i class="ghost"></i>codes of data</span>']))


def made_of(subject: Subject, views: Views, z: Tensor, row: int) -> Tensor:
    """What the model makes of values of the explored latent, with the other codes and the context of one example."""
    assert views.latent is not None
    values = {**views.beside(row, len(z)), views.latent: z}
    return at_values(subject, values, views.context_of(row, len(z)))


def at_values(subject: Subject, values: Mapping[str, Tensor], context: Tensor | None) -> Tensor:
    """Decoded in the model's precision and place, and brought back."""
    model, device = subject.model, device_of(subject.model)
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(()))
    given = {name: z.to(like if z.is_floating_point() else device) for name, z in values.items()}
    return decoded(model, given, None if context is None else context.to(device)).cpu().float()


def in_context(views: Views) -> str:
    """Whose context, where there is one."""
    return "" if views.context is None else " The context is that of the (left) example throughout."


def series(subject: Subject) -> bool:
    """Whether examples are series of numbers rather than rows of a table or points."""
    shape = subject.data.spec.shape
    return len(shape) <= 2 and shape != (2,) and not is_table(subject.data.spec)
