"""Where in a text the answer to a question stands, and what a text is about of what a caller names.

Source: transformers, pipelines/question_answering.py, pipelines/zero_shot_classification.py.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs import patience
from freehold.engines.programs.graphs import Graph, exp, softmax
from freehold.engines.programs.reading import MAX_CHARS, Batch
from freehold.engines.programs.serving import Asked, Refused, Told

#: Tokens of a piece of a long text, and how many of them the next piece has again; letters that no score is left to.
WINDOW, OVERLAP, NEVER = 384, 128, -10_000.0
MAX_ANSWERS, MAX_ANSWER_TOKENS = 100, 1_000
MAX_LABELS, MAX_LABEL_CHARS = 100, 1_000


@dataclass(frozen=True)
class Answer:
    score: float
    start: int
    end: int


class Finder:
    """Of a graph that scores each token as the first and as the last of an answer."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        import tokenizers

        self._graph = Graph(options, "model", is_steady=True)
        self._most = min(options["max_tokens"], WINDOW)
        path = os.path.join(options["folder"], "tokenizer.json")
        self._tokenizer = tokenizers.Tokenizer.from_file(path)
        self._tokenizer.no_padding()
        self._turn = threading.Lock()

    def find(self, asked: Asked) -> Told:
        """The likeliest answer; a list of them where more than one is asked for."""
        given = asked.inputs if isinstance(asked.inputs, Mapping) else {}
        question, context = given.get("question"), given.get("context")
        if not isinstance(question, str) or not isinstance(context, str) or not question or not context:
            raise Refused("'inputs' has 'question' and 'context', both texts.")
        if max(len(question), len(context)) > MAX_CHARS:
            raise Refused(f"A text is over {MAX_CHARS:,} characters.")
        top = asked.number("top_k", 1, MAX_ANSWERS, 1)
        longest = asked.number("max_answer_len", 1, MAX_ANSWER_TOKENS, 15)
        may_be_none = asked.parameters.get("handle_impossible_answer") is True
        is_aligned = asked.parameters.get("align_to_words") is not False
        found: list[Answer] = []
        tokens, none = 0, 1.0
        for piece in self._pieces(question, context, asked):
            tokens += len(piece.ids)
            mine, unlikely = self._of_piece(piece, longest, top, is_aligned)
            found += mine
            none = min(none, unlikely)
        if may_be_none:
            found.append(Answer(none, 0, 0))
        best = sorted(found, key=lambda one: -one.score)[:top] or [Answer(0.0, 0, 0)]
        told = [
            {"score": one.score, "start": one.start, "end": one.end, "answer": context[one.start : one.end]}
            for one in best
        ]
        return Told(told if top > 1 else told[0], tokens)

    def _pieces(self, question: str, context: str, asked: Asked) -> Sequence[Any]:
        most = asked.number("max_seq_len", 8, self._most, self._most)
        overlap = asked.number("doc_stride", 0, most - 1, min(OVERLAP, most // 2))
        # A tokenizer's bounds are its own: the calls of other threads wait for what is read here.
        with self._turn, patience.step():
            self._tokenizer.no_truncation()
            room = most - len(self._tokenizer.encode(question, "").ids)
            if room < 1:
                raise Refused("The question is too long for this model.")
            self._tokenizer.enable_truncation(most, stride=min(overlap, room - 1), strategy="only_second")
            first = self._tokenizer.encode(question, context)
        return [first, *first.overflowing]

    def _of_piece(self, piece: Any, longest: int, top: int, is_aligned: bool) -> tuple[list[Answer], float]:
        """Its likeliest answers, and how likely it is that it has none."""
        import numpy as np

        batch = Batch(
            ids=np.array([piece.ids], np.int64),
            mask=np.array([piece.attention_mask], np.int64),
            types=np.array([piece.type_ids], np.int64),
            tokens=len(piece.ids),
        )
        starts, ends = self._graph.read(batch, ["start_logits", "end_logits"])
        is_context = np.array([one == 1 for one in piece.sequence_ids])
        counts = is_context.copy()
        counts[0] = True  # which stands for "there is none"
        start, end = (softmax(np.where(counts, one[0].astype(np.float64), NEVER)) for one in (starts, ends))
        none = float(start[0] * end[0])
        start[~is_context] = end[~is_context] = 0
        both = np.triu(np.outer(start, end))
        both -= np.triu(both, longest)
        places = (-both.ravel()).argsort(kind="stable")[:top]
        found = []
        for place in places:
            first, last = divmod(int(place), len(end))
            if both[first, last] > 0:
                found.append(Answer(float(both[first, last]), *_letters(piece, first, last, is_aligned)))
        return found, none


def _letters(piece: Any, first: int, last: int, is_aligned: bool) -> tuple[int, int]:
    """Where in the text these tokens stand; with the whole of the first and the last word."""
    words = [piece.token_to_word(at) for at in (first, last)]
    if is_aligned and None not in words:
        return piece.word_to_chars(words[0], 1)[0], piece.word_to_chars(words[1], 1)[1]
    return piece.offsets[first][0], piece.offsets[last][1]


# ---- what a text is about -------------------------------------------------------------------------------------------

Scores = Callable[[Sequence[str], Sequence[str]], tuple[Any, int]]


def entailment(labels: Sequence[str]) -> int | None:
    """The class that says that the second text follows from the first; None: the model was not made to say so."""
    return next((at for at, one in enumerate(labels) if one.lower().startswith("entail")), None)


def about(scores: Scores, entails: int, asked: Asked) -> Told:
    """How well each of a caller's labels fits a text, the best first."""
    import numpy as np

    text, labels = asked.text(), labels_of(asked)
    template = asked.parameters.get("hypothesis_template") or "This example is {}."
    found, tokens = scores([text] * len(labels), hypotheses(template, labels))
    if asked.parameters.get("multi_label") is True or len(labels) == 1:
        against = -1 if entails == 0 else 0
        likely = 1 / (1 + exp(found[:, against].astype(np.float64) - found[:, entails]))
    else:
        likely = softmax(found[:, entails].astype(np.float64))
    return Told(by_score(labels, likely), tokens)


def labels_of(asked: Asked) -> list[str]:
    labels = asked.parameters.get("candidate_labels")
    if isinstance(labels, str):
        labels = [one.strip() for one in labels.split(",")]
    if not isinstance(labels, list) or not 0 < len(labels) <= MAX_LABELS:
        raise Refused(f"'candidate_labels' is a list of up to {MAX_LABELS} texts.")
    if not all(isinstance(one, str) and 0 < len(one) <= MAX_LABEL_CHARS for one in labels):
        raise Refused(f"Each of 'candidate_labels' is a text of up to {MAX_LABEL_CHARS:,} characters.")
    return labels


def hypotheses(template: Any, labels: Sequence[str]) -> list[str]:
    if not isinstance(template, str) or "{}" not in template or len(template) > MAX_LABEL_CHARS:
        raise Refused("'hypothesis_template' is a text with {} where the label stands.")
    return [template.replace("{}", one) for one in labels]


def by_score(labels: Sequence[str], scores: Any) -> list[dict[str, Any]]:
    order = scores.argsort(kind="stable")[::-1]
    return [{"label": labels[at], "score": float(scores[at])} for at in order]
