"""Order among jobs that need each other."""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter


def in_order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every key behind all that it needs, otherwise as given. The parser has refused cycles and unknown keys."""
    place = {key: index for index, key in enumerate(needs)}
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        ordered.extend(ready)
        sorter.done(*ready)
    return tuple(ordered)
