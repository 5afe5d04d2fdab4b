"""Commit step after step with the official client until told to stop; a call that fails is repeated as it was.

Between two steps it waits while it is told to hold.

The journal gets a line for each acknowledged step, on disk before the next one begins.
"""

import json
import os
import sys
import time
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

given = json.loads(sys.argv[1])
sys.path.insert(0, given["plan"])
import plan  # noqa: E402  (found through the argument: this environment has no other way to it)

#: Longer than a client goes on by itself while its server is killed every few seconds.
GIVE_UP_S = 1200
api = HfApi()


def attempt(step):
    operations = [CommitOperationAdd(path, data) for path, data in plan.changes(given["writer"], step).items()]
    return api.create_commit(given["repo"], operations, commit_message=plan.title(step))


def acknowledged(step):
    """The commit of ``step`` and the errors on the way to it."""
    errors, started_at = [], time.monotonic()
    while True:
        try:
            if step == 0:
                api.create_repo(given["repo"], exist_ok=True)
            return attempt(step).oid, errors
        except Exception as err:
            status = getattr(getattr(err, "response", None), "status_code", None)
            errors.append({"kind": type(err).__name__, "status": status, "text": str(err)[:500]})
            assert time.monotonic() - started_at < GIVE_UP_S, errors
            time.sleep(0.1)


with open(given["journal"], "a") as journal:
    step = 0
    while not Path(given["stop"]).exists():
        if Path(given["hold"]).exists():
            time.sleep(0.02)
            continue
        oid, errors = acknowledged(step)
        journal.write(json.dumps({"step": step, "oid": oid, "errors": errors}) + "\n")
        journal.flush()
        os.fsync(journal.fileno())
        step += 1
