"""Webhooks as they arrived."""

from collections.abc import Collection, Mapping, Sequence

from flowforge.model.delivery import Delivery
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryDeliveries:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def known(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        tables = self._tables
        found = {}
        for key in keys:
            found_id = tables.delivery_keys.get(key) or tables.event_keys.get(key)
            delivery = None if found_id is None else tables.deliveries.get(found_id)
            if delivery is not None:
                found[key] = delivery
        return found

    def add(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            expect_owner(delivery.project_id in self._tables.projects, "project", delivery.project_id)
            self._tables.deliveries.add(delivery.id, delivery)
            self._tables.delivery_keys.add(delivery.delivery_key, delivery.id)
            self._tables.event_keys.add(delivery.event_key, delivery.id)

    def get(self, id: int) -> Delivery | None:
        return self._tables.deliveries.get(id)
