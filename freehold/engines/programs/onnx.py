"""Models in ONNX by ONNX Runtime: embeddings, classes of texts, pictures and sounds, answers, things, text in pictures.

Options: ``kind`` (one of :data:`KINDS`), ``folder``, ``files`` (paths in it, by what they are), ``labels``,
``threads``, ``max_tokens``, ``pooling``, ``is_normal``, ``alias``, ``parallel``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from freehold.engines.programs import graphs, lifeline, questions, sentences, serving
from freehold.engines.programs.graphs import Graph, Unfit, exp, softmax
from freehold.engines.programs.reading import STEP, Batch, Reader, in_pieces, settings
from freehold.engines.programs.serving import Abilities, Asked, Refused, Told

BATCH = 16
#: Of a sound that is classified: every moment of it looks at every other.
RATE, MAX_SOUND_S = 16_000, 60


def main() -> None:
    options = lifeline.begin()
    serving.serve(options, graphs.loaded(options, lambda given: KINDS[given["kind"]](given)))


# ---- texts ----------------------------------------------------------------------------------------------------------


def embeddings(options: Mapping[str, Any]) -> Abilities:
    graph = Graph(options, "model", is_steady=True)
    reader = Reader(options["folder"], options["max_tokens"])
    wanted = next(
        (name for name in ("sentence_embedding", "last_hidden_state") if name in graph.outputs), graph.outputs[0]
    )

    def encode(batch: Batch) -> Any:
        (found,) = graph.read(batch, [wanted])
        return found

    return sentences.abilities(reader, encode, sentences.Making(options["pooling"], options["is_normal"]))


def classes(options: Mapping[str, Any]) -> Abilities:
    """Of a text as a whole. With one class, it is a score of two texts: ranking."""
    graph = Graph(options, "model", is_steady=True)
    reader = Reader(options["folder"], options["max_tokens"])
    labels = options["labels"]
    wanted = _with_width(graph, len(labels))

    def scores(texts: Sequence[str], seconds: Sequence[str] | None = None) -> tuple[Any, int]:
        import numpy as np

        rows: list[Any] = [None] * len(texts)
        tokens = 0
        for places in in_pieces(texts, BATCH):
            others = None if seconds is None else [seconds[at] for at in places]
            left = iter(places)
            for batch in reader.read([texts[at] for at in places], others).parts(STEP):
                tokens += batch.tokens
                for row, at in zip(graph.read(batch, [wanted])[0], left, strict=False):
                    rows[at] = row
        return np.array(rows, np.float32), tokens

    def classify(asked: Asked) -> Told:
        texts, _ = asked.texts()
        found, tokens = scores(texts)
        top = asked.number("top_k", 1, len(labels), len(labels))
        apply = asked.parameters.get("function_to_apply") or ("sigmoid" if options.get("is_many") else "softmax")
        return Told([ranked(row, labels, str(apply), top) for row in found], tokens)

    def rank(query: str, documents: Sequence[str]) -> tuple[Sequence[float], int]:
        found, tokens = scores([query] * len(documents), documents)
        return [float(one) for one in 1 / (1 + exp(-found[:, 0]))], tokens

    if len(labels) == 1:
        return Abilities(rank=rank)
    tasks = {"text-classification": classify}
    entails = questions.entailment(labels)
    if entails is not None:
        tasks["zero-shot-classification"] = lambda asked: questions.about(scores, entails, asked)
    return Abilities(tasks=tasks)


def answers(options: Mapping[str, Any]) -> Abilities:
    return Abilities(tasks={"question-answering": questions.Finder(options).find})


def words(options: Mapping[str, Any]) -> Abilities:
    """Classes of the words of a text: names, places. Source: transformers, pipelines/token_classification.py."""
    graph = Graph(options, "model", is_steady=True)
    reader = Reader(options["folder"], options["max_tokens"])
    labels = options["labels"]
    wanted = _with_width(graph, len(labels))

    def find(asked: Asked) -> Told:
        text = asked.text()
        batch = reader.read([text])
        found = softmax(graph.read(batch, [wanted])[0][0])
        pieces: list[dict[str, Any]] = []
        for (start, end), row in zip(batch.offsets[0], found, strict=True):
            label, score = labels[int(row.argmax())], float(row.max())
            name, is_inside = (label[2:], label[0] == "I") if label[:2] in ("B-", "I-") else (label, True)
            if start == end or label == "O":
                continue
            last = pieces[-1] if pieces else None
            if (
                last
                and last["entity_group"] == name
                and text[last["end"] : start].strip() == ""
                and (is_inside or last["end"] == start)
            ):
                last["scores"].append(score)
                last["end"] = end
            else:
                pieces.append({"entity_group": name, "scores": [score], "start": start, "end": end})
        told = [
            {**one, "score": sum(one["scores"]) / len(one["scores"]), "word": text[one["start"] : one["end"]]}
            for one in pieces
        ]
        return Told([{key: value for key, value in one.items() if key != "scores"} for one in told], batch.tokens)

    return Abilities(tasks={"token-classification": find})


def gaps(options: Mapping[str, Any]) -> Abilities:
    """The word that is missing from a text."""
    graph = Graph(options, "model", is_steady=True)
    reader = Reader(options["folder"], options["max_tokens"])
    wanted = next((name for name in graph.outputs if name == "logits"), graph.outputs[0])
    inner = reader.inner
    masks = [one for one in ("[MASK]", "<mask>") if inner.token_to_id(one) is not None]
    if not masks:
        raise Unfit("its tokenizer has no mask")
    mask = inner.token_to_id(masks[0])

    def fill(asked: Asked) -> Told:
        batch = reader.read([asked.text()])
        places = [at for at, one in enumerate(batch.ids[0]) if one == mask]
        if len(places) != 1:
            raise Refused(f"'inputs' has {masks[0]} once, where the missing word is.")
        found = softmax(graph.read(batch, [wanted])[0][0][places[0]])
        told = []
        for number in found.argsort()[::-1][: asked.number("top_k", 1, 100, 5)]:
            ids = batch.ids[0].copy()
            ids[places[0]] = number
            told.append(
                {
                    "score": float(found[number]),
                    "token": int(number),
                    "token_str": inner.decode([int(number)]),
                    "sequence": inner.decode(ids.tolist()),
                }
            )
        return Told(told, batch.tokens)

    return Abilities(tasks={"fill-mask": fill})


# ---- pictures and speech --------------------------------------------------------------------------------------------


def pictures(options: Mapping[str, Any]) -> Abilities:
    from freehold.engines.programs.pictures import Preparing, opened

    graph = Graph(options, "model")
    (name, port), *more = graph.inputs.items()
    if more:
        raise Unfit(f"it takes more than a picture: {', '.join(one for one, _ in more)[:200]}")
    preparing = Preparing.of(options["folder"], port.shape)
    (found,) = graph.run({name: preparing.blank()}, graph.outputs[:1])
    labels = options["labels"] or [f"LABEL_{at}" for at in range(found.shape[-1])]
    if found.ndim != 2 or found.shape[1] != len(labels):
        raise Unfit(f"it tells {found.shape[-1]:,} classes apart, and its config.json names {len(labels):,}")

    def classify(asked: Asked) -> Told:
        (scores,) = graph.run({name: preparing.read(opened(asked.file()))}, graph.outputs[:1])
        top = asked.number("top_k", 1, len(labels), min(5, len(labels)))
        return Told(ranked(scores[0], labels, str(asked.parameters.get("function_to_apply") or "softmax"), top))

    return Abilities(tasks={"image-classification": classify})


def things(options: Mapping[str, Any]) -> Abilities:
    from freehold.engines.programs.things import Detector

    return Abilities(tasks={"object-detection": Detector(options).find})


def captions(options: Mapping[str, Any]) -> Abilities:
    """How well each of a caller's labels fits a picture. Source: transformers, zero_shot_image_classification.py."""
    import numpy as np

    from freehold.engines.programs.pictures import Preparing, opened

    graph = Graph(options, "model")
    reader = Reader(options["folder"], options["max_tokens"])
    preparing = Preparing.of(options["folder"], graph.inputs["pixel_values"].shape)

    def classify(asked: Asked) -> Told:
        labels = questions.labels_of(asked)
        template = asked.parameters.get("hypothesis_template") or "This is a photo of {}."
        batch = reader.read(questions.hypotheses(template, labels))
        told = {"pixel_values": preparing.read(opened(asked.file()))}
        told |= {"input_ids": batch.ids, "attention_mask": batch.mask}
        given = {
            name: told[name].astype(graphs.whole(port.type))
            for name, port in graph.inputs.items()
            if "ixel" not in name
        }
        (found,) = graph.run({**given, "pixel_values": told["pixel_values"]}, ["logits_per_image"])
        return Told(questions.by_score(labels, softmax(found[0].astype(np.float64))), batch.tokens)

    return Abilities(tasks={"zero-shot-image-classification": classify})


def text_in_pictures(options: Mapping[str, Any]) -> Abilities:
    from freehold.engines.programs.ocr import Finder
    from freehold.engines.programs.pictures import opened

    found = {name: Graph(options, name) for name in options["files"]}
    said = found["recognise"].session.get_modelmeta().custom_metadata_map.get("character", "")
    finder = Finder(found["detect"], found["recognise"], found.get("turn"), said.splitlines())

    def find(asked: Asked) -> Told:
        lines = finder.lines(opened(asked.file()))
        told = [{"text": one.text, "score": one.score, "box": one.box} for one in lines]
        return Told([{"generated_text": "\n".join(one.text for one in lines), "lines": told}])

    return Abilities(tasks={"image-to-text": find})


def speech(options: Mapping[str, Any]) -> Abilities:
    from freehold.engines.programs.whisper import Whisper

    whisper = Whisper(options["folder"], Graph(options, "encode"), Graph(options, "decode"))

    def transcribe(sound: bytes, form: Mapping[str, Any]) -> str:
        return whisper.text(sound, str(form.get("language") or ""))

    def task(asked: Asked) -> Told:
        return Told({"text": whisper.text(asked.file(), str(asked.parameters.get("language") or ""))})

    return Abilities(transcribe=transcribe, tasks={"automatic-speech-recognition": task})


def sounds(options: Mapping[str, Any]) -> Abilities:
    """Classes of what is heard, of a graph that takes a sound as it is (wav2vec2 and its kin)."""
    import numpy as np

    from freehold.engines.programs import sound

    graph = Graph(options, "model")
    labels, said = options["labels"], settings(options["folder"], "preprocessor_config.json")
    wanted = _with_width(graph, len(labels))

    def classify(asked: Asked) -> Told:
        heard = sound.read(asked.file(), RATE, MAX_SOUND_S).astype(np.float32)
        if said.get("do_normalize", True):
            heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
        given = {"input_values": heard[None], "attention_mask": np.ones((1, len(heard)), np.int64)}
        (scores,) = graph.run({name: given[name] for name in graph.inputs}, [wanted])
        top = asked.number("top_k", 1, len(labels), min(5, len(labels)))
        return Told(ranked(scores[0], labels, str(asked.parameters.get("function_to_apply") or "softmax"), top))

    return Abilities(tasks={"audio-classification": classify})


KINDS: Mapping[str, Callable[[Mapping[str, Any]], Abilities]] = {
    "embeddings": embeddings,
    "classes": classes,
    "words": words,
    "answers": answers,
    "gaps": gaps,
    "pictures": pictures,
    "text_in_pictures": text_in_pictures,
    "things": things,
    "captions": captions,
    "speech": speech,
    "sounds": sounds,
}


# ---- numbers --------------------------------------------------------------------------------------------------------


def ranked(row: Any, labels: Sequence[str], apply: str, top: int) -> list[dict[str, Any]]:
    """Classes with their scores, the likeliest first. ``apply``: softmax (not of what sums to one), sigmoid or none."""
    import numpy as np

    values = np.asarray(row, np.float64)
    if apply == "sigmoid":
        values = 1 / (1 + exp(-values))
    elif apply == "softmax" and not (values.min() >= 0 and abs(values.sum() - 1) < 1e-3):
        values = softmax(values)
    elif apply not in ("softmax", "none"):
        raise Refused("'function_to_apply' is softmax, sigmoid or none.")
    order = values.argsort(kind="stable")[::-1][:top]
    return [{"label": labels[at], "score": float(values[at])} for at in order]


def _with_width(graph: Graph, width: int) -> str:
    """The output that has a number for each class."""
    fitting = [one.name for one in graph.session.get_outputs() if one.shape and one.shape[-1] == width]
    return "logits" if "logits" in graph.outputs else next(iter(fitting), graph.outputs[0])


if __name__ == "__main__":
    main()
