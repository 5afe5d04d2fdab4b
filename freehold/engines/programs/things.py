"""Things in pictures: what each is, how sure that is, and the box around it, as DETR, YOLOS and RT-DETR tell them.

Source: transformers, models/detr/image_processing_detr.py, models/rt_detr (post_process_object_detection).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from freehold.engines.programs.graphs import Graph, Unfit, exp, softmax, whole
from freehold.engines.programs.pictures import Preparing, full_size, opened
from freehold.engines.programs.serving import Asked, Refused, Told

MAX_THINGS, THRESHOLD = 300, 0.5


class Detector:
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._graph = graph = Graph(options, "model")
        self._picture = next(name for name in graph.inputs if name != "pixel_mask")
        self._preparing = Preparing.of(options["folder"], graph.inputs[self._picture].shape)
        self._labels: Sequence[str] = options["labels"]
        scores, boxes = self._run(self._preparing.blank())
        if boxes.shape != (*scores.shape[:1], 4) or scores.shape[1] - len(self._labels) not in (0, 1):
            kinds = f"it tells {scores.shape[-1]:,} kinds of things"
            raise Unfit(f"{kinds}, and its config.json names {len(self._labels):,}")

    def find(self, asked: Asked) -> Told:
        import numpy as np

        least = asked.parameters.get("threshold", THRESHOLD)
        least = THRESHOLD if least is None else least
        if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
            raise Refused("'threshold' is a number from 0 to 1.")
        picture = opened(asked.file())
        scores, boxes = self._run(self._preparing.read(picture))
        found = []
        for thing, kind in zip(*np.nonzero(scores > least), strict=True):
            found.append((float(scores[thing, kind]), int(kind), boxes[thing]))
        found.sort(key=lambda one: -one[0])
        return Told([
            {"score": score, "label": self._labels[kind], "box": _box(box, full_size(picture))}
            for score, kind, box in found[:MAX_THINGS]
        ])  # fmt: skip

    def _run(self, picture: Any) -> tuple[Any, Any]:
        """Of each thing its likeness to each kind, and its box: middle and sides, as shares of the picture."""
        import numpy as np

        given = {self._picture: picture}
        if "pixel_mask" in self._graph.inputs:
            port = self._graph.inputs["pixel_mask"]
            sides = [
                side if isinstance(side, int) else own
                for side, own in zip(port.shape[1:], picture.shape[2:], strict=True)
            ]
            given["pixel_mask"] = np.ones((1, *sides), whole(port.type))
        scores, boxes = self._graph.run(given, ["logits", "pred_boxes"])
        values = scores[0].astype(np.float64)
        if values.shape[1] == len(self._labels):
            return 1 / (1 + exp(-values)), boxes[0]
        kinds = softmax(values)[:, :-1]  # the last stands for "there is nothing"
        best = kinds.argmax(1)[:, None] == np.arange(kinds.shape[1])
        return kinds * best, boxes[0]


def _box(said: Any, size: tuple[int, int]) -> dict[str, int]:
    import numpy as np

    x, y, width, height = (float(one) for one in np.nan_to_num(said))
    sides = {"xmin": x - width / 2, "ymin": y - height / 2, "xmax": x + width / 2, "ymax": y + height / 2}
    return {name: int(min(1.0, max(0.0, share)) * size[name[0] == "y"]) for name, share in sides.items()}
