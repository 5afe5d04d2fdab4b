"""A child for tests: does with each question what the question says."""

import os
import time
from contextlib import suppress

from freehold.core import children


def answer(question: bytes) -> bytes:
    word, _, rest = question.decode().partition(" ")
    if word == "sleep":
        time.sleep(float(rest))
    elif word == "fill":
        return b"x" * int(rest)
    elif word == "die":
        os._exit(1)
    elif word == "range":
        with suppress(MemoryError):
            children.wanted(0, int(rest))
    elif word == "raise":
        raise ValueError(rest)
    elif word == "environment":
        return " ".join(sorted(os.environ)).encode()
    elif word == "write":
        with open(rest, "w") as file:
            file.write("x")
    print("said aside")
    return question[::-1]


if __name__ == "__main__":
    children.serve(answer)
