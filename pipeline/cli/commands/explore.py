"""`run_pipeline.py explore`: touch a trained model on a local web page."""

import argparse
import importlib.util
from collections.abc import Sequence

from pipeline.cli.commands import EXIT_DONE
from pipeline.cli.model_argument import add_run_arguments, chosen_model, find_models
from pipeline.cli.parser import command_parser
from pipeline.errors import ConfigurationError
from pipeline.execution import tensorflow_setup

DESCRIPTION = """\
Open a local web page on which a trained model is touched: sliders for its continuous codes, buttons
for its classes, random samples; your own image, encoded, rebuilt or matched, with its codes moved;
of a model that tells identities from everything else (Mathieu et al.), the swap of the two. PNG and
GIF can be saved. The page answers on this machine only (127.0.0.1) and asks nothing of any other.
"""
EXAMPLES = """\
examples:
  python run_pipeline.py explore trained
      the models that come along
  python run_pipeline.py explore runs/quickstart
      the model that was selected; the page has the others of the run
  python run_pipeline.py explore my_model --port 8080 --no-browser
      a folder with generator.keras, encoder.keras and config.json; over
      `ssh -L 8080:127.0.0.1:8080 machine` from another machine
"""
LIBRARY = "panel"
PORT = 5006
MAX_PORT = 65535


def main(arguments: Sequence[str]) -> int:
    """Serve the page until interrupted and return the exit code."""
    options = build_parser().parse_args(arguments)
    folders = find_models(options.model)
    chosen = chosen_model(options.model, folders, options.id)
    if importlib.util.find_spec(LIBRARY) is None:
        raise ConfigurationError(
            "explore needs Panel, which is not installed. Expected the extra `app`: "
            "pip install -e '.[app]'"
        )
    tensorflow_setup.configure()
    from pipeline.app.server import make_server, serve

    serve(make_server(folders, chosen, options.port), opens_browser=not options.no_browser)
    return EXIT_DONE


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"expected 0 to {MAX_PORT}; received {text!r}")
    return int(text)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("explore", DESCRIPTION, EXAMPLES)
    add_run_arguments(parser)
    parser.add_argument(
        "--port", type=_port, default=PORT, help=f"of 127.0.0.1; 0: any; default: {PORT}"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="open no browser; the address is printed"
    )
    return parser
