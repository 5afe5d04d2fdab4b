"""What each call of transformers' own server took, also of one whose caller left: its answers do not say it then.

A call in one piece that is left is stopped, which that server would not do: it would work out all of it, with everybody
waiting behind. In that server's process, by the names of transformers 5.23; where another has other names, calls that
are left go uncounted and everything else goes on.
"""

import json
from typing import Any

MAX_CALLS = 1_024
PATH = "/took/"


class Took:
    """One call. ``streamer`` counts where it is streamed."""

    def __init__(self) -> None:
        self.prompt_tokens = self.completion_tokens = 0
        self.is_begun = self.is_left = self.is_over = False
        self.streamer: Any = None

    def told(self) -> dict[str, Any]:
        completion = self.completion_tokens if self.streamer is None else self.streamer.total_tokens
        prompt = self.prompt_tokens if self.is_begun else 0
        return {"is_known": True, "is_over": self.is_over, "prompt_tokens": prompt, "completion_tokens": completion}


_calls: dict[str, Took] = {}


def begun(call_id: str) -> Took:
    took = _calls[call_id] = Took()
    while len(_calls) > MAX_CALLS:
        del _calls[next(iter(_calls))]
    return took


def left(call_id: str) -> None:
    """Its caller went."""
    if call_id in _calls:
        _calls[call_id].is_left = True


def told(call_id: str) -> bytes:
    known = _calls.get(call_id)
    nothing = {"is_known": False, "is_over": True, "prompt_tokens": 0, "completion_tokens": 0}
    return json.dumps(known.told() if known else nothing).encode()


def begin() -> None:
    """From now on that server counts."""
    from transformers.cli.serving import utils  # type: ignore[import-not-found]

    class Counting(utils.GenerateManager):  # type: ignore[misc]
        """One call at a time, on a thread: what is handed to it knows its ``Took``."""

        def generate_streaming(self, model: Any, processor: Any, inputs: Any, *given: Any, **named: Any) -> Any:
            took = self._took = begun(named.get("request_id") or given[1])
            took.prompt_tokens = inputs["input_ids"].shape[-1]
            queue, took.streamer = super().generate_streaming(model, processor, inputs, *given, **named)
            return queue, took.streamer

        async def generate_non_streaming(
            self, model: Any, processor: Any, inputs: Any, *given: Any, **named: Any
        ) -> Any:
            took = self._took = begun(named.get("request_id") or given[1])
            took.prompt_tokens = inputs["input_ids"].shape[-1]
            watched = {**inputs, "stopping_criteria": [_criterion(took)]}
            return await super().generate_non_streaming(model, processor, watched, *given, **named)

        def submit(self, act: Any, *given: Any, **named: Any) -> Any:
            return super().submit(_noted(self._took, act), *given, **named)

        def async_submit(self, act: Any, *given: Any, **named: Any) -> Any:
            return super().async_submit(_noted(self._took, act), *given, **named)

    utils.GenerateManager = Counting


def _noted(took: Took, act: Any) -> Any:
    def run(*given: Any, **named: Any) -> Any:
        try:
            if took.is_left and took.streamer is None:
                raise RuntimeError("Its caller left before it began.")
            took.is_begun = not took.is_left
            return act(*given, **named)
        finally:
            took.is_over = True

    return run


def _criterion(took: Took) -> Any:
    """Counts each step, and says that it is enough once its caller left."""
    from transformers import StoppingCriteria  # type: ignore[import-not-found]

    class Watching(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            took.completion_tokens = input_ids.shape[-1] - took.prompt_tokens
            every = input_ids[:, -1] == input_ids[:, -1]  # yes for each, without importing what makes such things
            return every if took.is_left else ~every

    return Watching()
