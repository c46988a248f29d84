"""The command line: `vaekit COMMAND`. Exit code 2 with one sentence for a mistake, 1 for a run that broke."""

import os
import re
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from rich.console import Console

from vaekit.cli.completing import complete
from vaekit.cli.curving import rd_command
from vaekit.cli.disentangling import disentanglement
from vaekit.cli.exploring import EXPLORING
from vaekit.cli.fitting import fit_prior_command
from vaekit.cli.gradients import gradients
from vaekit.cli.options import NAMES
from vaekit.cli.predicting import predict
from vaekit.cli.reporting import REPORTING, data_command
from vaekit.cli.scoring import score
from vaekit.cli.swapping import swap
from vaekit.cli.sweeping import sweep_command
from vaekit.cli.tokens import detokenize, tokenize
from vaekit.cli.training import resume_run, train_command
from vaekit.cli.using import USING
from vaekit.training import Broken

__all__ = ["main"]

SAID = """Variational autoencoders: point it at data, get a trained model, honest numbers and pictures.

Begin with "vaekit train digits", or with a folder of pictures or a .csv of numbers instead of digits. It ends with a run's
folder, and a report.html in it. Everything else asks that folder: "vaekit sample RUN".
"""


FLAGS = {name: "--" + shown.replace("_", "-") for shown, name in NAMES.items()} | {
    name: f"--{name}" for name in ("label", "latent")
}


def application(tokens: Sequence[str]) -> App:
    """All commands; `train` has the options of the recipe that the tokens name."""
    app = App(name="vaekit", help=SAID, version_flags=["--version"])
    app.register_install_completion_command()
    app.command(train_command(tokens), name="train")
    app.command(resume_run, name="resume")
    app.command(fit_prior_command(tokens), name="fit-prior")
    for command in (*USING, *EXPLORING, score):
        app.command(command)
    app.command(predict)
    app.command(complete)
    app.command(tokenize)
    app.command(detokenize)
    app.command(swap)
    app.command(disentanglement)
    app.command(gradients)
    app.command(rd_command(tokens), name="rd")
    for name, other in REPORTING.items():
        app.command(other, name=name)
    app.command(data_command(), name="data")
    app.command(sweep_command(), name="sweep")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command: exit code 2 with one sentence for a mistake, 1 for a run that broke, 130 for Ctrl-C."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app = application(tokens)
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except (ValueError, CycloptsError) as error:
        stop(as_flags(str(error)), 2)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        stop(f"{error.filename or 'a file'}: {error.strerror}", 2)
    except Broken as broken:
        stop(str(broken), 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def as_flags(sentence: str) -> str:
    """A sentence that names Python's arguments, with the options that they are here."""
    return re.sub(r"\b(" + "|".join(FLAGS) + r")=(?![\w'\"])", lambda found: FLAGS[found[1]], sentence)


def stop(sentence: str, code: int) -> None:
    """Say it on standard error and end."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"vaekit: {sentence}", markup=False)
    raise SystemExit(code)
