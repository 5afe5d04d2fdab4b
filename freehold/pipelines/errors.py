"""What can go wrong with pipelines."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound
from freehold.inference.errors import InferenceError


class BadPipeline(BadRequest):
    """A file that is no pipeline: says the line and the key. ``line`` 0: not of one line."""

    def __init__(self, message: str, *, key: str = "", line: int = 0, field: str = "path") -> None:
        where = f"line {line}, {key}: " if line and key else f"{key}: " if key else f"line {line}: " if line else ""
        super().__init__(f"{where}{message}", field=field)
        self.key, self.line = key, line


class TooManyPipelines(Conflict):
    """The namespace has as many as it can."""


class PipelineNotFound(NotFound):
    """No pipeline that whoever asks may call or change: the answer is the same."""

    code = "model_not_found"


class NotYourPipeline(Forbidden):
    """It may be called, but not changed."""


class OutOfBounds(InferenceError):
    """A pipeline took more time, tokens or text than it is given."""

    status = 400
    code = "pipeline_out_of_bounds"
    kind = "invalid_request_error"


class StepFailed(InferenceError):
    """A step's model answered nothing that the step can use."""

    status = 502
    code = "pipeline_step_failed"
