"""CircleCI 2.1, read on the grammar of the native dialect."""

from flowforge.dialects.circleci.grammar import parse
from flowforge.model.dialect import Dialect

CIRCLECI = Dialect(name="circleci", globs=(".circleci/config.yml",), parse=parse)
