"""Rooms without a container: for a person's own machine."""

from flowforge.adapters.executors.process.executor import ProcessExecutor

__all__ = ["ProcessExecutor"]
