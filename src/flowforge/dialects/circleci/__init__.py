"""CircleCI 2.1, read on the grammar of the native dialect."""

from flowforge.dialects.circleci.grammar import parse
from flowforge.dialects.circleci.surroundings import environment
from flowforge.model.dialect import Dialect

CIRCLECI = Dialect(name="circleci", globs=(".circleci/config.yml",), parse=parse, env=environment)
