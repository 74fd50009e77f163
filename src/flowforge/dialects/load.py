"""Reading a config for a run: the one place where problems become an exception."""

from flowforge.dialects.registry import dialect_of
from flowforge.errors import PipelineConfigError
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.pipeline_config import PipelineConfig


def load(text: str, path: str, given: Given = NOTHING_GIVEN) -> PipelineConfig:
    """Raises `PipelineConfigError` with every error of the file."""
    parsed = dialect_of(path).parse(text, path, given)
    if parsed.pipeline is None:
        raise PipelineConfigError(parsed.errors)
    return parsed.pipeline
