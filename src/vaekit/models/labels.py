"""Graphs with a label: summed exactly where it is not known, observed where it is (Kingma et al. 2014)."""

from collections.abc import Mapping

from torch import Tensor, nn

from vaekit.conditionals.conditional import Conditional, Parameters
from vaekit.models.choices import Enumerate
from vaekit.models.model import Model, Part
from vaekit.models.walk import Walk
from vaekit.networks import OneHot
from vaekit.priors.prior import Prior

__all__ = ["LabelAboveCode", "LabelAndStyle", "LabelFromCode"]


class LabelAndStyle(Model):
    """p(y) p(z) p(x|y,z) with q(y|x) q(z|x,y): what a label says of x, and what it leaves to say ("M2").

    `labels`: a prior over whole numbers. `classifier`: x to q(y|x). `features`: a network from x to what the encoder
    reads of it, so that only what follows is computed once for every label. `encoder`: features and label to q(z|x,y).
    `decoder`: z and label to p(x|y,z). `embed`: labels to the vectors that both of them take.
    """

    label, obeys_label = "y", True

    def __init__(
        self,
        labels: Prior,
        prior: Prior,
        classifier: Conditional,
        features: nn.Module,
        encoder: Conditional,
        decoder: Conditional,
        embed: OneHot,
    ) -> None:
        super().__init__()
        self.labels, self.prior, self.embed = labels, prior, embed
        self.classifier, self.features, self.encoder, self.decoder = classifier, features, encoder, decoder
        self.latent_shape, self.event_shape = encoder.event_shape, decoder.event_shape

    def walk(self, walk: Walk) -> None:
        """y, then z, then x."""
        y = walk.latent(
            "y", self.labels(), lambda: self.classifier.distribution(**walk.evidence["y"]), 0, inferring=Enumerate()
        )
        shown, rank = walk.through(self.embed, y), walk.leading
        z = walk.latent("z", self.prior(), lambda: self.encoder(walk.spread(walk.evidence["x"]), shown, leading=rank))
        walk.likelihood("x", self.decoder(z, walk.spread(shown, rank), leading=walk.leading))

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Mapping[str, object]:
        """The parameters of q(y|x), and the features of x."""
        return {"y": self.classifier.outputs(data["x"]), "x": self.features(data["x"])}

    def parts(self) -> dict[str, Part]:
        """The classifier, of x, and the decoder, of z and the vector of a label."""
        return {
            "classifier": Part(self.classifier, self.decoder.event_shape),
            "decoder": Part(self.decoder, self.latent_shape, context=self.embed.out_shape),
        }


class LabelFromCode(Model):
    """p(z) p(x|z) p(y|z) with q(z|x): a label that is read off the code of x and has no part in x ("M1").

    Where y is not known it is drawn from p(y|z) itself, and costs nothing. `classifier`: z to p(y|z).
    """

    label = "y"

    def __init__(self, prior: Prior, encoder: Conditional, decoder: Conditional, classifier: Conditional) -> None:
        super().__init__()
        self.prior, self.encoder, self.decoder, self.classifier = prior, encoder, decoder, classifier
        self.latent_shape, self.event_shape = encoder.event_shape, decoder.event_shape

    def walk(self, walk: Walk) -> None:
        """z, then x and y."""
        z = walk.latent("z", self.prior(), lambda: self.encoder.distribution(**walk.evidence))
        walk.likelihood("x", self.decoder(z, leading=walk.leading))
        p_y = self.classifier(z, leading=walk.leading)
        walk.latent("y", p_y, lambda: p_y, 0)

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Parameters:
        """The parameters of q(z|x)."""
        return self.encoder.outputs(data["x"])

    def parts(self) -> dict[str, Part]:
        """The encoder, of x, and the decoder and the classifier, of z."""
        return {
            "encoder": Part(self.encoder, self.decoder.event_shape),
            "decoder": Part(self.decoder, self.latent_shape),
            "classifier": Part(self.classifier, self.latent_shape),
        }


class LabelAboveCode(Model):
    """p(y) p(z2) p(z1|y,z2) p(x|z1) with q(z1|x) q(y|z1) q(z2|z1,y): a label and a style above a code ("M1+M2").

    `labels`, `embed`: as in `LabelAndStyle`. `encoder`: x to q(z1|x), `decoder`: z1 to p(x|z1). `classifier`: z1 to
    q(y|z1). `upper_encoder`: z1 and label to q(z2|z1,y), `upper_decoder`: z2 and label to p(z1|y,z2).
    """

    label, obeys_label = "y", True

    def __init__(
        self,
        labels: Prior,
        prior: Prior,
        encoder: Conditional,
        decoder: Conditional,
        classifier: Conditional,
        upper_encoder: Conditional,
        upper_decoder: Conditional,
        embed: OneHot,
    ) -> None:
        super().__init__()
        self.labels, self.prior, self.encoder, self.decoder, self.embed = labels, prior, encoder, decoder, embed
        self.classifier, self.upper_encoder, self.upper_decoder = classifier, upper_encoder, upper_decoder
        self.latent_shape, self.event_shape = encoder.event_shape, decoder.event_shape

    def walk(self, walk: Walk) -> None:
        """With evidence up through z1, y and z2; then down to z1 and x."""
        z1 = None if walk.evidence is None else self._proposed(walk)
        below = walk.leading
        q_y = None if z1 is None else (lambda: self.classifier(z1, leading=below))
        y = walk.latent("y", self.labels(), q_y, 0, inferring=Enumerate())
        shown, rank = walk.through(self.embed, y), walk.leading
        q_z2 = None if z1 is None else (lambda: self.upper_encoder(walk.spread(z1, below), shown, leading=rank))
        z2 = walk.latent("z2", self.prior(), q_z2)
        walk.latent("z1", self.upper_decoder(z2, walk.spread(shown, rank), leading=walk.leading))
        code = walk.latents["z1"]  # where it was proposed, one value for all labels
        walk.likelihood("x", self.decoder(code.value, leading=code.leading))

    def evidence(self, data: Mapping[str, Tensor], context: Tensor | None) -> Parameters:
        """The parameters of q(z1|x)."""
        return self.encoder.outputs(data["x"])

    def parts(self) -> dict[str, Part]:
        """The encoder, of x, and the decoder and the classifier, of z1."""
        return {
            "encoder": Part(self.encoder, self.decoder.event_shape),
            "decoder": Part(self.decoder, self.latent_shape),
            "classifier": Part(self.classifier, self.latent_shape),
        }

    def _proposed(self, walk: Walk) -> Tensor:
        return walk.propose("z1", lambda: self.encoder.distribution(**walk.evidence), self.latent_shape)
