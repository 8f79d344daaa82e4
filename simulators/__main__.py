"""`python -m simulators` is `nearshelf-sim`."""

from simulators.cli import app

app()
