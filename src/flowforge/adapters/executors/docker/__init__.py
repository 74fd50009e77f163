"""Rooms in containers, through the Engine API (Docker, and Podman which speaks the same)."""

from flowforge.adapters.executors.docker.executor import DockerExecutor

__all__ = ["DockerExecutor"]
