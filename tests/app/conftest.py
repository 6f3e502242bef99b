"""The browser of the tests of the report's page, for those of the local page."""

from tests.stages.report.conftest import browser

__all__ = ["browser"]
