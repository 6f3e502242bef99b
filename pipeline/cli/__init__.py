"""The command line: `main` runs one command and returns its exit code."""

from pipeline.cli.main import console, main

__all__ = ["console", "main"]
