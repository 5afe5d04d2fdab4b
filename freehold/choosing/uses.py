"""What people want a model for, in their own words, and the tasks that cards say it with. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """``tasks`` are alternatives, of ``tags`` one has to be there too. ``reads``: how long a text is matters to it;
    ``writes``: word by word, so that how fast can be told."""

    key: str
    words: str
    tasks: Sequence[str]
    tags: Sequence[str] = ()
    reads: bool = False
    writes: bool = False


_USES = (
    Use("write", "Talk, write and answer questions", ("text-generation",), reads=True, writes=True),
    Use("answer", "Find the answer in a text", ("question-answering",), reads=True),
    Use("code", "Write program code", ("text-generation",), ("code",), reads=True, writes=True),
    Use("classify", "Sort texts into classes", ("text-classification", "zero-shot-classification"), reads=True),
    Use("search", "Search by meaning", ("sentence-similarity", "feature-extraction")),
    Use("rank", "Put search results in order", ("text-ranking",)),
    Use("names", "Find names and terms in texts", ("token-classification",), reads=True),
    Use("summarise", "Shorten texts", ("summarization",), reads=True),
    Use("translate", "Translate", ("translation",), reads=True),
    Use("hear", "Turn speech into text", ("automatic-speech-recognition",)),
    Use("speak", "Read texts aloud", ("text-to-speech", "text-to-audio")),
    Use("look", "Ask about pictures", ("image-text-to-text", "visual-question-answering"), reads=True, writes=True),
    Use("describe", "Read and describe pictures", ("image-to-text", "document-question-answering")),
    Use("sort-pictures", "Sort pictures into classes", ("image-classification", "zero-shot-image-classification")),
    Use("find-in-pictures", "Find things in pictures", ("object-detection", "image-segmentation", "mask-generation")),
    Use("draw", "Make pictures", ("text-to-image", "image-to-image")),
    Use("sounds", "Tell sounds apart", ("audio-classification", "voice-activity-detection")),
    Use(
        "numbers",
        "Predict from tables and series",
        ("tabular-classification", "tabular-regression", "time-series-forecasting"),
    ),
)
USES: Mapping[str, Use] = {use.key: use for use in _USES}
