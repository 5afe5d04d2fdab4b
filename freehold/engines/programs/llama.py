"""llama.cpp's own server, in this process: OpenAI's paths below ``/_`` on a port of its own.

Options: ``model`` and ``adapters`` (paths), ``alias`` (what it calls the model), ``mode`` (chat, embeddings or rerank),
``context_tokens`` for each of ``parallel`` calls, ``threads``; ``made`` (a folder) where weights are to be computed in
full precision; ``patience_s``, after which it ends where it does nothing but one thing.
"""

import http.client
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from freehold.engines.programs import lifeline

#: Its errors, of which the first says why: what follows is that the file cannot be loaded. Source: llama.cpp.
_REASON = re.compile(r"(?:error loading model|gguf_init_from_\w+|failed to create context|\w*lora\w*): (.{1,300})")
_NO_MEMORY = re.compile(r"failed to allocate|unable to allocate|cannot allocate|bad_alloc|out of memory", re.I)
#: Never an origin of a page: browsers are told that none may read an answer.
NO_ORIGIN = "https://none.invalid"
#: Tokens of prompts in one step: between steps it hears what else there is.
STEP_TOKENS = 512
#: Where a file keeps its template; a name after a dot is one for an occasion.
TEMPLATE = "tokenizer.chat_template"
#: About 0.4 ms.
SPINS = "40000"
#: A step takes seconds, on a slow machine a minute. One call's grammar can make it endless for all the others.
PATIENCE_S, LOOK_S = 150.0, 5.0


def main() -> None:
    options = lifeline.begin()
    try:
        with _each_on_its_own(options["threads"]):
            import xllamacpp
    except ImportError as err:
        lifeline.refuse("not_installed", absent(str(err)))
    path = options["model"]
    if options.get("made"):
        from freehold.engines.programs import weights

        try:
            path = weights.full(path, options["made"])
        except weights.Unreadable as err:
            lifeline.refuse("bad_model", f"Its weights cannot be computed in full precision: {err}.")
        except OSError as err:
            lifeline.refuse("crashed", f"Its weights in full precision cannot be kept: {err.strerror}.")
    heard: list[str] = []
    try:
        with _overhearing(heard):
            server = xllamacpp.Server(_given(xllamacpp, options, path))
    except (RuntimeError, ValueError) as err:
        told = "".join(heard)
        if _NO_MEMORY.search(told):
            lifeline.refuse("out_of_memory", "llama.cpp got no memory for it, or for the texts it is to keep.")
        why = next(iter(_REASON.findall(told)), str(err)).strip().replace(f"{os.path.dirname(path)}/", "")
        lifeline.refuse("bad_model", f"llama.cpp cannot load it: {why.rstrip('.')}.")
    except MemoryError:
        lifeline.refuse("out_of_memory", "llama.cpp got no memory for it.")
    port, patience_s = int(server.listening_address.rpartition(":")[2]), options.get("patience_s", PATIENCE_S)
    threading.Thread(target=_watch, args=(port, options["key"], patience_s), daemon=True).start()
    lifeline.ready(port)
    lifeline.wait()


@contextmanager
def _each_on_its_own(threads: int) -> Iterator[None]:
    """Of as many threads as there are processors, each that computes keeps to its own once OpenMP is loaded.

    They wait for each other after every step by spinning. Where the system puts two of them on one processor it sees
    nobody waiting, and leaves another idle for some 40 ms: at every twentieth first token. On their own they are there
    at once, and need not spin for the 3 ms that are usual: after a token those kept its reader from the processor.
    Fewer threads are left to the system, since those of every engine would keep to the same few.
    """
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if 1 < len(mine) <= threads:
        os.environ.setdefault("OMP_PROC_BIND", "true")
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    yield
    if mine:
        os.sched_setaffinity(0, mine)  # OpenMP binds whoever loads it; the threads that listen are to be anywhere


def absent(why: str) -> str:
    """What to do where llama.cpp cannot be imported: its package is there but for a library that small systems lack."""
    if "libgomp" in why:
        return "llama.cpp needs the library libgomp, which this node lacks; on Debian: apt-get install libgomp1."
    return f"llama.cpp is not installed on this node: install freehold[serve] ({why})."


def _given(xllamacpp: Any, options: dict[str, Any], path: str) -> Any:
    given = xllamacpp.CommonParams()
    context, parallel, mode = options["context_tokens"], options["parallel"], options["mode"]
    given.model.path = path
    given.model_alias = {options["alias"]}
    given.n_ctx, given.n_parallel = context * parallel, parallel  # it divides what it has among its slots
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = options["threads"]
    # Threads that wait for each other by spinning take the processor from the other engines of a node.
    given.cpuparams.poll = given.cpuparams_batch.poll = 0
    given.fit_params = False  # the fit was computed before; it would shorten the context silently
    given.warmup = False
    given.cache_ram_mib = 0  # up to 8 GiB of conversations put aside, which no fit counts
    given.offline = True
    given.lora_init_without_apply = True
    given.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in options.get("adapters", ())]
    given.n_batch = STEP_TOKENS
    if mode == "chat":
        given.chat_template = template(path)
    if mode != "chat":
        given.embedding = True
        # What is not read from left to right is computed in one piece.
        given.n_batch = given.n_ubatch = context
        given.kv_unified = False
    if mode == "rerank":
        given.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    # Everything below a path asks for the key; beside it a few paths of this server would answer anybody.
    given.api_keys, given.api_prefix = [options["key"]], lifeline.PATH
    given.cors_origins, given.cors_credentials = NO_ORIGIN, False
    given.hostnames, given.port, given.ui = ["127.0.0.1"], 0, False
    given.endpoint_slots = given.endpoint_props = False
    given.endpoint_metrics = True  # its totals say what calls took that were left early
    given.n_threads_http = parallel + 4
    given.verbosity = 1
    return given


def template(path: str) -> str:
    """What turns messages into a prompt; '': the file's own template as it stands. That of a model that was not made
    for tools would leave them out unseen: they are told in words before it.
    """
    from freehold.engines.programs import weights

    try:
        found = weights.words(path, TEMPLATE)
    except (weights.Unreadable, OSError, ValueError):
        return ""  # llama.cpp says what is wrong with it
    own = found.get(TEMPLATE, "")
    if not own or len(found) > 1 or re.search(r"\btools\b", own):
        return ""
    return (Path(__file__).with_name("tools.jinja")).read_text().strip() + own


def _watch(port: int, key: str, patience_s: float) -> None:
    """Ends the process when its loop, which tells the metrics between two steps, says nothing for ``patience_s``: calls
    in a line behind something endless are then told at once, and the next one has a process that answers."""
    while True:
        time.sleep(min(LOOK_S, patience_s))
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=patience_s)
        try:
            asking.request("GET", f"{lifeline.PATH}/metrics", headers={"Authorization": f"Bearer {key}"})
            asking.getresponse().read()
        except TimeoutError:
            sys.stderr.write(f"It did nothing but one step for {patience_s:g} seconds, and was ended.\n")
            sys.stderr.flush()
            os._exit(1)
        except (OSError, http.client.HTTPException):
            pass  # every thread that listens is at work, or it is ending
        finally:
            asking.close()


@contextmanager
def _overhearing(heard: list[str]) -> Iterator[None]:
    """What is written to stderr meanwhile also goes to ``heard``: it has no other way to say what is wrong."""
    source, sink = os.pipe()
    kept = os.dup(2)
    os.dup2(sink, 2)
    os.close(sink)

    def listen() -> None:
        while data := os.read(source, 4096):
            heard.append(data.decode("utf-8", "replace"))
            del heard[:-64]
            os.write(kept, data)

    listening = threading.Thread(target=listen)
    listening.start()
    try:
        yield
    finally:
        os.dup2(kept, 2)
        listening.join()
        os.close(source)
        os.close(kept)


if __name__ == "__main__":
    main()
