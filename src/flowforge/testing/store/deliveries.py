"""Webhooks as they arrived."""

from collections.abc import Collection, Mapping, Sequence

from flowforge.model.delivery import Delivery, Tip
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryDeliveries:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def known(self, keys: Collection[str]) -> Mapping[str, Sequence[int]]:
        found = ((key, self._tables.delivery_keys.get(key)) for key in keys)
        deliveries = ((key, self._tables.deliveries.get(known)) for key, known in found if known is not None)
        return {key: delivery.run_ids for key, delivery in deliveries if delivery is not None}

    def tips(self, places: Collection[str]) -> Mapping[str, Tip]:
        found = ((place, self._tables.tips.get(place)) for place in places)
        return {place: tip for place, tip in found if tip is not None}

    def add(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            expect_owner(delivery.project_id in self._tables.projects, "project", delivery.project_id)
            self._tables.deliveries.add(delivery.id, delivery)
            self._tables.delivery_keys.add(delivery.delivery_key, delivery.id)
            tip = Tip(place=delivery.place, event_key=delivery.event_key, run_ids=delivery.run_ids)
            self._tables.tips.put(delivery.place, tip)

    def get(self, id: int) -> Delivery | None:
        return self._tables.deliveries.get(id)

    def since(self, id: int, limit: int) -> Sequence[Delivery]:
        rows = sorted(self._tables.deliveries, key=lambda delivery: delivery.id)
        return [delivery for delivery in rows if delivery.id > id][:limit]
