"""Peak memory of a GGUF file in xllamacpp: one JSON line for FILE, TOKENS and USERS. Makes docs/fit.md's table.

Run by an interpreter that has xllamacpp; each measurement wants a process of its own, as a peak never sinks.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import xllamacpp

WRITTEN = 16


def main(path: str, tokens: int, users: int) -> None:
    given = xllamacpp.CommonParams()
    given.model.path = path
    given.n_ctx, given.n_parallel, given.warmup = tokens * users, users, False
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 2
    server = xllamacpp.Server(given)
    # Every user fills their part of the cache: buffers count once they are written to.
    threads = [threading.Thread(target=fill, args=(server, tokens, user)) for user in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"file": Path(path).name, "tokens": tokens, "users": users, "peak_bytes": peak_bytes()}))


def fill(server: Any, tokens: int, user: int) -> None:
    prompt = [100 + (at * 7919 + user * 31) % 5000 for at in range(tokens - WRITTEN - 24)]
    wanted = {"prompt": prompt, "n_predict": WRITTEN, "cache_prompt": False, "ignore_eos": True}
    server.handle_completions(wanted)


def peak_bytes() -> int:
    """Pages of this process that were in memory at once, those of mapped files with them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
