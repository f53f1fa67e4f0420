"""The application: modules and projections wired to stores. The only place that knows both panels."""

from diptych.application.application import Application

__all__ = ["Application"]
