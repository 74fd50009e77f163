"""FlowForge's own dialect."""

from flowforge.dialects.native.grammar import NATIVE_GRAMMAR
from flowforge.dialects.native.parse import parse
from flowforge.model.dialect import Dialect

NATIVE = Dialect(
    name="native", globs=(".flowforge/ci.yml", ".popsicle/ci.yml"), parse=parse, env=NATIVE_GRAMMAR.env
)
