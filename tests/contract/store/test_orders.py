"""Whatever an order holds, JSON gives it back: each kind of step is told from every other."""

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite import dialect

from flowforge.adapters.store.types import JsonOf
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.step_spec import Checkout, Script

COLUMN = JsonOf(JobOrder)
TEXT = st.text(st.characters(exclude_categories=("Cs",)))


def there_and_back(order: JobOrder) -> JobOrder:
    text = COLUMN.process_bind_param(order, dialect())
    found: JobOrder = COLUMN.process_result_value(text, dialect())
    return found


@settings(max_examples=50, deadline=None)
@given(
    doing=st.lists(
        st.builds(Script, text=TEXT, shell=st.lists(TEXT).map(tuple)) | st.builds(Checkout, path=TEXT)
    )
)
def test_what_a_step_does_comes_back_as_it_was(doing: list[Script | Checkout]) -> None:
    steps = tuple(StepOrder(index=n, name="s", do=do) for n, do in enumerate(doing))
    order = JobOrder(key="k", name="n", steps=steps)
    assert there_and_back(order) == order


def test_every_kind_of_step_is_in_the_test_above() -> None:
    assert set(get_args(StepOrder.__annotations__["do"])) == {Script, Checkout}
