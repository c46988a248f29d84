"""(e) An autoregressive decoder; a finite alphabet, so the probabilities of all strings sum to one."""

import itertools

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution

from contracts.case import Case
from vaekit.conditionals import Conditional
from vaekit.distributions import Autoregressive
from vaekit.models import Enumerate, Model, Walk
from vaekit.networks import OneHot
from vaekit.objectives import ImportanceWeighted

SYMBOLS, LENGTH, TOPICS, HIDDEN = 3, 4, 2, 5


class GRUDecoder(Conditional):
    """A topic to strings: a recurrent cell whose first state is the head's last layer."""

    def __init__(self) -> None:
        super().__init__(OneHot(TOPICS), HIDDEN, per_element=1)
        self.cell, self.readout = nn.GRUCell(SYMBOLS, HIDDEN), nn.Linear(HIDDEN, SYMBOLS)

    def parametrise(self, h: Tensor) -> dict[str, Tensor]:
        return {"state": self.last(h)}

    def distribution(self, **parameters: Tensor) -> Distribution:
        batch = parameters["state"].shape[:-1]
        return Autoregressive(self.step, parameters, batch, LENGTH)

    def step(self, previous: Tensor, state: dict[str, Tensor]):
        h = self.cell(nn.functional.one_hot(previous, SYMBOLS).to(state["state"]), state["state"])
        return Categorical(logits=self.readout(h), validate_args=False), {"state": h}


class TopicModel(Model):
    """A finite topic, then a string."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("topics", torch.tensor([0.3, 0.7]).log())
        self.decoder, self.guess = GRUDecoder(), nn.Linear(LENGTH, TOPICS)

    def evidence(self, data, context):
        return {"logits": self.guess(data["x"].to(self.topics))}

    def walk(self, walk: Walk) -> None:
        prior = Categorical(logits=self.topics, validate_args=False)
        topic = walk.latent("topic", prior, lambda: Categorical(**walk.evidence, validate_args=False))
        walk.likelihood("x", self.decoder(topic, leading=walk.leading))


def all_strings() -> Tensor:
    return torch.tensor(list(itertools.product(range(SYMBOLS), repeat=LENGTH)))


@torch.no_grad()
def by_products(model: TopicModel, x: Tensor) -> Tensor:
    """log p(x) of every string as a mixture of products of conditionals, symbol by symbol."""
    decoder, per_topic = model.decoder, []
    for topic in range(TOPICS):
        h = decoder.last(torch.eye(TOPICS).double()[topic][None]).expand(len(x), HIDDEN)
        symbol, log_p = torch.zeros(len(x), dtype=torch.long), torch.zeros(len(x)).double()
        for t in range(LENGTH):
            h = decoder.cell(torch.eye(SYMBOLS).double()[symbol], h)
            symbol = x[:, t]
            log_p = log_p + decoder.readout(h).log_softmax(-1).gather(1, symbol[:, None]).squeeze(1)
        per_topic.append(log_p + model.topics[topic])
    return torch.stack(per_topic).logsumexp(0)


def cases() -> list[Case]:
    torch.manual_seed(1)
    model, x = TopicModel().double(), all_strings()
    enumerated = lambda batch: {"topic": Enumerate()}  # noqa: E731
    return [Case("strings: all of them", model, ImportanceWeighted(1), {"x": x}, -by_products(model, x), enumerated)]
