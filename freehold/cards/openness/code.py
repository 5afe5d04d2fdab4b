"""Code: what runs a model, and what made it. Pure."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from freehold.cards.openness import bases
from freehold.cards.openness.licence import are_open
from freehold.cards.openness.material import Evidence, Material, Reading, files

#: Libraries under open licences, by the file that shows that a model is theirs.
_LIBRARIES: Mapping[str, str] = {"model_index.json": "diffusers", "meta.json": "spacy"}
#: Formats that hold the graph of what is computed: any runtime runs them.
_GRAPHS: Mapping[str, str] = {"onnx": "ONNX", "tflite": "TensorFlow Lite", "mlmodel": "Core ML", "keras": "Keras"}


@cache
def implemented() -> Mapping[str, frozenset[str]]:
    """Names of architectures by the library that implements them."""
    read = tomllib.loads(Path(__file__).with_name("architectures.toml").read_text("utf-8"))
    return {library: frozenset(names.split()) for library, names in read.items()}


def of(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Open: it runs by open code, and the code that made it is here under an open licence; partly: one of the two."""
    runs, made, is_made = _runs(material), *_made(material)
    refused = [refusals["code"]] if "code" in refusals else []
    own = _own(bool(runs), is_made, [*runs, *made, *refused], bool(made), bool(refused))
    return bases.counted(own, material, "code", "the code of its last step is here, that of its base is not")


def _own(runs: bool, is_made: bool, evidence: list[Evidence], is_named: bool, is_refused: bool) -> Reading:
    if runs and is_made and not is_refused:
        return Reading("open", "the code that runs and made it is here", evidence)
    if is_made:
        return Reading("partly", "the code that made it is here", evidence)
    if runs and is_refused:
        return Reading("partly", "it runs by open code, and the code that made it is not given", evidence)
    if runs:
        told = "and the code that made it is only linked" if is_named else "and the code that made it is not here"
        return Reading("partly", f"it runs by open code {told}", evidence)
    if is_refused:
        return Reading("closed", "its code is not given", evidence)
    if is_named:
        return Reading("partly", "its code is only linked", evidence)
    return Reading("unknown", "nothing is told of its code")


def _runs(material: Material) -> list[Evidence]:
    architecture = material.facts.architecture or ""
    shown = {path: path for path in material.paths("shown")}
    by_name = {one["path"] for one in material.facts.details.get("weights", ())}
    if "config.json" in shown and architecture in implemented()["transformers"]:
        return [Evidence("file", "config.json", f"{architecture}, which transformers implements (Apache-2.0)")]
    if "gguf" in material.facts.formats and architecture in implemented()["gguf"]:
        return [Evidence("fact", "", f"{architecture} as GGUF, which llama.cpp runs (MIT)")]
    if "adapter_config.json" in shown and material.facts.details.get("adapter"):
        return [Evidence("file", "adapter_config.json", "an adapter, which peft loads (Apache-2.0)")]
    for name, library in _LIBRARIES.items():
        if name in shown:
            return [Evidence("file", name, f"a model of {library}, an open library")]
    for path in material.paths("weights"):
        form = _GRAPHS.get(path.rpartition(".")[2].lower(), "")
        if form and (form != "ONNX" or path in by_name):
            return [Evidence("file", path, f"{form} holds what is computed, and open runtimes run it")]
    here = material.paths("modelling")
    if here and are_open(material.steps[:1]):
        return files(here, "its own code, under the licence of this repository")
    return []


def _made(material: Material) -> tuple[list[Evidence], bool]:
    """What shows the code that made it, and whether that is here and open."""
    here = [*material.paths("training"), *material.paths("trainer")]
    if here:
        if are_open(material.steps[:1]):
            return files(here, "the code or the configuration that it was trained with"), True
        return files(here, "trained with it; the repository has no open licence that covers it"), False
    return [
        Evidence("link", link, "named by the card; this hub does not look outside")
        for link in material.told.saying.code[:4]
    ], False


def of_set(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Of a data set: the code that made it."""
    here = [*material.paths("making"), *material.paths("training")]
    if here and are_open(material.steps[:1]):
        return Reading("open", "the code that made it is here", files(here, "code, under the licence of this data set"))
    if here:
        shown = files(here, "code; the repository has no open licence that covers it")
        return Reading("partly", "the code that made it is here without an open licence", shown)
    linked = [Evidence("link", link, "named by the card; not looked at") for link in material.told.saying.code[:4]]
    if linked:
        return Reading("partly", "the code that made it is only linked", linked)
    if "code" in refusals:
        return Reading("closed", "the code that made it is not given", [refusals["code"]])
    return Reading("unknown", "nothing is told of the code that made it")
