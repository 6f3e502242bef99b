"""The page as a local web application: on loopback only, and without a request to anywhere else."""

import errno
import socket
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import panel as pn

from pipeline.app.loaded_model import load_model
from pipeline.app.own_image import LARGEST
from pipeline.app.page import ModelPage
from pipeline.app.parts import Note
from pipeline.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
# What a phone needs to be told so that it does not show the page of a desk, only smaller.
HEAD = """
{% extends base %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0 12px; }</style>
{% endblock %}
"""
WIDEST = 1100  # pixels of the page
LARGEST_MESSAGE = 2 * LARGEST  # bytes: an image file as text


def make_page(folders: Mapping[str, Path], chosen: str) -> pn.Template:
    """Return the page of one visitor.

    Args:
        folders: The models to choose from, by name.
        chosen: The one that it opens with.
    """
    body = pn.Column(sizing_mode="stretch_width")
    note = Note()

    def show_model(name: str) -> None:
        model = load_model(folders[name])
        body.objects = [ModelPage(model).view()]
        note.say("")

    models = pn.widgets.Select(
        label="Model", options=list(folders), value=chosen, sizing_mode="stretch_width"
    )
    models.param.watch(lambda event: note.trying(lambda: show_model(event.new)), "value")
    note.trying(lambda: show_model(chosen))
    page = pn.Column(
        "# Latent explorer",
        models,
        note.view,
        body,
        sizing_mode="stretch_width",
        max_width=WIDEST,
        styles={"margin": "0 auto"},
    )
    template = pn.Template(HEAD)
    template.add_panel("page", page)
    return template


def make_server(folders: Mapping[str, Path], chosen: str, port: int) -> Any:
    """Return the server, which listens and has not begun to answer.

    Args:
        folders: See `make_page`.
        chosen: See `make_page`.
        port: Of loopback; 0: a free one.

    Raises:
        ConfigurationError: The port is taken, or not allowed.
    """
    pn.extension(notifications=False)
    port = port or _free_port()
    try:
        return pn.serve(
            {"/": lambda: make_page(folders, chosen)},
            address=LOOPBACK,
            port=port,
            title="Latent explorer",
            show=False,
            start=False,
            verbose=False,
            # A page of another origin, opened in the same browser, is not answered.
            websocket_origin=[f"{host}:{port}" for host in (LOOPBACK, "localhost")],
            websocket_max_message_size=LARGEST_MESSAGE,
            http_server_kwargs={"max_buffer_size": LARGEST_MESSAGE},
        )
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise ConfigurationError(
            f"Port {port} of {LOOPBACK} cannot be had ({error.strerror}). Expected a free one: "
            f"--port {port + 1}, or --port 0 for any. Received: --port {port}"
        ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def serve(server: Any, *, opens_browser: bool) -> None:
    """Answer until interrupted."""
    address = f"http://{LOOPBACK}:{server.port}/"
    print(f"{address} shows the model. Ctrl-C ends it.", flush=True)
    if opens_browser:
        webbrowser.open(address)
    server.start()
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
