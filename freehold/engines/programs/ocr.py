"""Lines of text in a picture, by three graphs as PaddleOCR makes them: one finds, one turns, one reads.

Lines that lie straight, or on their heads, or upright, are read; slanted ones as far as a straight frame holds them.
Source: PaddleOCR, ppocr/postprocess/db_postprocess.py, rec_postprocess.py; tools/infer/predict_rec.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from freehold.engines.programs.pictures import full_size

MAX_SIDE, STEP = 1_280, 32
#: From which on a point belongs to a line, a frame is one, and a line was read.
POINT, FRAME, LINE = 0.3, 0.5, 0.5
GROW = 1.6
MIN_SIDE = 3
MAX_LINES = 1_000
HEIGHT, TURN_WIDTH, MAX_WIDTH = 48, 192, 3_200
UPRIGHT = 1.5
SURELY = 0.9


@dataclass(frozen=True)
class Line:
    """What was read, how surely, and its frame: left, top, right, bottom, in points of the picture."""

    text: str
    score: float
    box: Sequence[int]


class Finder:
    def __init__(self, detect: Any, recognise: Any, turn: Any | None, letters: Sequence[str]) -> None:
        self._detect, self._recognise, self._turn = detect, recognise, turn
        self._letters = ["", *letters, " "]  # the first stands for none

    def lines(self, picture: Any) -> list[Line]:
        """From the top to the bottom, each from the left to the right."""
        found = []
        for box in _ordered(self._boxes(picture)):
            cut = self._upright(picture.crop(box))
            text, score = self._read(cut)
            if text.strip() and score >= LINE:
                wide, high = full_size(picture)
                shares = (wide / picture.width, high / picture.height) * 2
                found.append(Line(text, score, [round(side * by) for side, by in zip(box, shares, strict=True)]))
        return found

    def _boxes(self, picture: Any) -> list[tuple[int, int, int, int]]:
        import numpy as np

        by = min(1.0, MAX_SIDE / max(picture.size))
        width, height = (max(STEP, round(side * by / STEP) * STEP) for side in picture.size)
        given: Any = np.asarray(picture.resize((width, height), 2), np.float32)[..., ::-1]
        given = ((given / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]
        (told,) = self._detect.run(
            {next(iter(self._detect.inputs)): np.ascontiguousarray(given)}, self._detect.outputs[:1]
        )
        likely = told[0, 0]
        found = []
        for left, top, right, bottom in parts(likely > POINT)[:MAX_LINES]:
            wide, high = right - left, bottom - top
            if min(wide, high) < MIN_SIDE or likely[top:bottom, left:right].mean() < FRAME:
                continue
            more = wide * high * GROW / (2 * (wide + high))
            across, down = picture.width / width, picture.height / height
            found.append(
                (
                    max(0, int((left - more) * across)),
                    max(0, int((top - more) * down)),
                    min(picture.width, int((right + more) * across) + 1),
                    min(picture.height, int((bottom + more) * down) + 1),
                )
            )
        return found

    def _upright(self, cut: Any) -> Any:
        if cut.height > UPRIGHT * cut.width:
            cut = cut.rotate(90, expand=True)
        if self._turn is None:
            return cut
        (told,) = self._turn.run({next(iter(self._turn.inputs)): _numbers(cut, TURN_WIDTH)}, self._turn.outputs[:1])
        return cut.rotate(180) if told[0][1] > SURELY else cut

    def _read(self, cut: Any) -> tuple[str, float]:
        wide = min(MAX_WIDTH, max(320, -(-HEIGHT * cut.width // max(1, cut.height))))
        given = {next(iter(self._recognise.inputs)): _numbers(cut, wide)}
        (told,) = self._recognise.run(given, self._recognise.outputs[:1])
        best, scores = told[0].argmax(-1), told[0].max(-1)
        text, sure, last = [], [], 0
        for letter, score in zip(best.tolist(), scores.tolist(), strict=True):
            if letter != last and 0 < letter < len(self._letters):
                text.append(self._letters[letter])
                sure.append(score)
            last = letter
        return "".join(text), sum(sure) / len(sure) if sure else 0.0


def _numbers(cut: Any, width: int) -> Any:
    """Of the height that is read, at most so wide, filled up with nothing on the right."""
    import numpy as np

    wide = max(1, min(width, -(-HEIGHT * cut.width // max(1, cut.height))))
    found = np.asarray(cut.resize((wide, HEIGHT), 2), np.float32)[..., ::-1]
    whole = np.zeros((1, 3, HEIGHT, width), np.float32)
    whole[0, :, :, :wide] = ((found / 255 - 0.5) / 0.5).transpose(2, 0, 1)
    return whole


def _ordered(boxes: Sequence[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """As they are read: those whose middles are at one height side by side."""
    rows: list[list[tuple[int, int, int, int]]] = []
    for box in sorted(boxes, key=lambda one: one[1] + one[3]):
        last = rows[-1][-1] if rows else None
        if last is not None and (box[1] + box[3]) / 2 < last[3] - (last[3] - last[1]) * 0.3:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row)]


def parts(marked: Any) -> list[tuple[int, int, int, int]]:
    """Frames of what hangs together in a picture of yes and no: left, top, right, bottom (past the end).

    Row by row: a run of points joins those of the row above that it touches, also by a corner.
    """
    import numpy as np

    frames: list[list[int]] = []
    parent: list[int] = []

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    above: list[tuple[int, int, int]] = []
    edges = np.diff(np.pad(marked.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    for row in range(len(marked)):
        runs = []
        for start, end in zip(
            np.flatnonzero(edges[row] == 1).tolist(), np.flatnonzero(edges[row] == -1).tolist(), strict=True
        ):
            mine = len(parent)
            parent.append(mine)
            frames.append([start, row, end, row + 1])
            for left, right, other in above:
                if left <= end and right >= start:
                    _join(frames, parent, root(other), root(mine))
            runs.append((start, end, mine))
        above = runs
    return [(f[0], f[1], f[2], f[3]) for at, f in enumerate(frames) if parent[at] == at]


def _join(frames: list[list[int]], parent: list[int], one: int, other: int) -> None:
    if one == other:
        return
    parent[other] = one
    kept, gone = frames[one], frames[other]
    frames[one] = [min(kept[0], gone[0]), min(kept[1], gone[1]), max(kept[2], gone[2]), max(kept[3], gone[3])]
