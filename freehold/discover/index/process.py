"""The process of the index: builds it in one thread, keeps it true, and answers the hub in another.

Started by ``client``, as ``python -m freehold.discover.index.process FD``: a socket whose other end the hub holds. Over
it come the settings, then a socket for each thread of the hub that asks. When the hub's end closes, it ends.
"""

import ctypes
import gc
import logging
import os
import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.discover import changes
from freehold.discover.index import parts
from freehold.discover.index.channel import ChannelClosed, receive, send
from freehold.discover.index.cutting import Said
from freehold.discover.index.engine import Engine, Entry, Query
from freehold.discover.index.feed import Feed
from freehold.discover.index.keeping import Keeping, memory_bytes
from freehold.discover.index.texts import Texts
from freehold.wordkit.rules import Term

log = logging.getLogger("freehold.index")
#: Between looks at the log of changes.
POLL_S = 0.25
#: A question waits so long for what was committed before it; not at all where there is so much that it takes longer.
CATCH_UP_S = 0.3
#: A word is learned when nobody has asked for so long, or nothing was learned for so long.
QUIET_S, PATIENCE_S = 0.25, 2.0
#: Of a message's arrival once it began, and of an answer's taking.
PEER_S = 5.0
#: A hub of any size fits; a mistake of ours does not take the machine.
MEMORY_BYTES = 8 << 30
#: Slots that gave way to others, from which on everything is read anew: at least so many, and such a part of all.
MANY_LATE, LATE_PART = 20_000, 0.25
#: Words that came late, likewise: some 100 MB, whoever writes cards of words that nobody has.
MANY_WORDS = 200_000
#: How long a thread that waits for the interpreter lets another have it: questions come while changes are taken in.
SWITCH_S = 0.001
#: Told by the way the process ends: it would rather begin anew.
BEGIN_ANEW = 75


class Keeper:
    """The engine and what is known of its state. ``lock``: whoever uses the engine holds it."""

    def __init__(self, url: str, folder: Path | None) -> None:
        """``folder``: where its snapshot lies; None: it has none."""
        self.lock = threading.Lock()
        self.engine: Engine | None = None
        self._feed = Feed(url)
        self.texts = Texts(self._feed.database)
        self._keeping = Keeping(self._feed, self.texts, folder)
        self._following = threading.Lock()  # held while the engine is between two positions of the log
        self._began = time.monotonic()
        self._built_s, self._is_resumed = 0.0, False
        self._true_at = self._began
        self._taken = 0
        self._seen = 0  # the newest change that was taken in
        self._learned, self._learned_at = 0, 0.0  # words that were learned since, and when the last one was
        self.asked_at = 0.0
        self._words: list[bytes] = []  # that many names have, and whose slots are not known yet
        self._terms: list[Term] = []  # likewise of texts
        self._looked = threading.Condition()
        self._is_asked = threading.Event()

    def run(self) -> None:
        """Build, then follow, for ever. Ends the process where neither goes on."""
        try:
            engine = self._resumed()
            self._is_resumed = engine is not None
            engine = engine or self._built()
            self._words, self._terms = engine.names.frequent(), self.texts.frequent()
            self._built_s = time.monotonic() - self._began
            gc.collect()
            gc.freeze()  # what was built lives as long as the process: no need to walk it again
            _give_back()
            self.engine = engine
            while True:
                self._turn(engine)
                many = max(MANY_LATE, LATE_PART * engine.places.size)
                if engine.places.late > many or engine.words.late > MANY_WORDS:
                    raise changes.FellBehind
        except changes.FellBehind:
            self._keeping.forget()
            os._exit(BEGIN_ANEW)
        except BaseException:
            log.exception("The index cannot go on")
            os._exit(1)

    def _resumed(self) -> Engine | None:
        """From the snapshot, followed up to now."""
        engine = self._keeping.resumed()
        try:
            if engine is not None and self._is_followed(engine):
                return engine
        except changes.FellBehind:
            pass
        if engine is not None:
            log.info("The index is built from nothing: its snapshot does not lead to what there is")
            self._keeping.forget()
            self._taken = 0
        return None

    def _is_followed(self, engine: Engine) -> bool:
        while not self._follow(engine):
            pass
        return self._feed.is_of_all(len(engine.places.alive))

    def _built(self) -> Engine:
        engine = parts.build(self._feed, self._keeping.folder)
        self.texts.learn(engine)
        while not self._follow(engine):
            pass
        return engine

    def stop(self) -> None:
        """What was taken in is in the snapshot. Nobody asks any more."""
        engine = self.engine
        if engine is not None:
            self._follow(engine)  # what the hub wrote at its end
            with self._following, self.lock:
                self._keeping.last(engine, self._taken + self._learned)

    def _turn(self, engine: Engine) -> None:
        try:
            if self._follow(engine):
                if not self._has_to_learn:  # so that the next start has nothing to learn
                    self._keep(engine)
                self._rest(engine)
        except changes.FellBehind:
            raise
        except Exception as err:  # the database is away for a while: the hub sees the lag, and asks it itself
            log.warning("The index could not read what changed: %s", str(err).partition("\n")[0][:200])
            time.sleep(1)

    def _rest(self, engine: Engine) -> None:
        """Until there may be something new: a time to learn a word, as long as there are some."""
        wait_s = POLL_S
        began = time.monotonic()
        if self._has_to_learn and (began - self.asked_at > QUIET_S or began - self._learned_at > PATIENCE_S):
            self._learn(engine)
            self._learned, self._learned_at = self._learned + 1, time.monotonic()
            wait_s = min(wait_s, self._learned_at - began)
        self._is_asked.wait(wait_s)
        self._is_asked.clear()

    @property
    def _has_to_learn(self) -> bool:
        return bool(self._words or self._terms)

    def _learn(self, engine: Engine) -> None:
        if self._words:
            with self.lock:
                engine.names.keep(self._words.pop())
            return
        term = self._terms.pop(0)
        slots = self.texts.found(term)
        with self.lock:
            self.texts.keep(term, slots, is_last=not self._terms)

    def _keep(self, engine: Engine) -> None:
        try:
            with self._following:
                self._keeping.turn(engine, self._taken + self._learned, self.lock)
        except OSError as err:
            log.warning("The snapshot of the index was not written: %s", err)

    def _follow(self, engine: Engine) -> bool:
        """Take in what is new; False: there is more."""
        began = time.monotonic()

        def take(entries: Sequence[Entry], gone: Sequence[str], said: Mapping[str, Said]) -> None:
            for entry in entries:
                with self.lock:
                    engine.put(entry)
                    self.texts.put(engine, entry.id, said.get(entry.id))
            with self.lock:
                for repo_id in gone:
                    engine.remove(repo_id)

        newest = self._feed.newest()
        with self._following:
            number, is_all = self._feed.news(take)
        self._taken += number
        if is_all:
            self._true_at = began
            with self._looked:
                self._seen = newest
                self._looked.notify_all()
        return is_all

    def catch_up(self) -> None:
        """What was committed until now is taken in, or :data:`CATCH_UP_S` have passed: who changed it asks next."""
        if time.monotonic() - self._true_at > POLL_S + CATCH_UP_S:
            return
        newest = self._feed.newest()
        with self._looked:
            if newest > self._seen:
                self._is_asked.set()
                self._looked.wait_for(lambda: self._seen >= newest, CATCH_UP_S)

    def state(self) -> dict[str, Any]:
        """``lag_s``: how long ago everything that was committed was taken in."""
        engine = self.engine
        return {
            "is_ready": engine is not None,
            "repos": len(engine.places.alive) if engine is not None else 0,
            "lag_s": round(time.monotonic() - self._true_at, 3),
            "built_s": round(self._built_s, 1),
            "is_resumed": self._is_resumed,
            "taken": self._taken,
            "memory_bytes": memory_bytes(),
        }


def answer(engine: Engine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked of one query: its ``count``, a ``page``, how many have each word of ``families``, and how many
    meet each of ``conditions``."""
    query = Query(asked["groups"], asked["search"])
    found: dict[str, Any] = {}
    if asked.get("count"):
        found["count"] = engine.count(query)
    page = asked.get("page")
    if page is not None:
        after = tuple(page["after"]) if page["after"] is not None else None
        items = engine.page(query, page["order"], rising=page["rising"], most=page["most"], after=after)
        found["ids"], found["numbers"] = [repo_id for repo_id, _ in items], [number for _, number in items]
    if asked.get("families"):
        found["families"] = {name: engine.counted(query, name, asked["most"]) for name in asked["families"]}
    if asked.get("conditions"):
        found["conditions"] = engine.numbers_of(query, asked["conditions"])
    return found


def serve(control: socket.socket, keeper: Keeper) -> None:
    """Answer until the hub's end of ``control`` closes."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is control:
                message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
                if not message:
                    return
                for descriptor in descriptors:
                    asker = socket.socket(fileno=descriptor)
                    asker.setblocking(False)
                    selector.register(asker, selectors.EVENT_READ)
                continue
            asker = key.fileobj  # type: ignore[assignment]  # nothing else is registered
            try:
                until = time.monotonic() + PEER_S
                send(asker, _reply(keeper, receive(asker, until)), until)
            except (ChannelClosed, TimeoutError):
                selector.unregister(asker)
                asker.close()


def _reply(keeper: Keeper, message: Any) -> dict[str, Any]:
    if message == "state":
        return keeper.state()
    engine = keeper.engine
    if engine is None:
        return {"failed": "it is not built yet"}
    keeper.asked_at = time.monotonic()
    try:
        keeper.catch_up()
        with keeper.lock:
            for text in {asked["text"] for asked in message if asked.get("text")}:
                these = keeper.texts.holding(engine, text)
                if these is None:
                    return {"failed": "a text that the database has to find"}
                name = engine.give(these)
                for asked in message:
                    if asked.get("text") == text:
                        asked["groups"].append([["given", name]])
            return {"found": [answer(engine, asked) for asked in message]}
    except Exception as err:
        log.exception("A question to the index failed")
        return {"failed": type(err).__name__}


def _give_back() -> None:
    """What building took is the machine's again, where its C library can do that."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(50_000, 20, 100)
    control = socket.socket(fileno=int(sys.argv[1]))
    told = receive(control, time.monotonic() + PEER_S)
    folder = Path(told["folder"]) if told["folder"] else None
    keeper = Keeper(told["database"], folder)
    threading.Thread(target=keeper.run, name="index", daemon=True).start()
    serve(control, keeper)
    try:
        keeper.stop()
    except Exception as err:
        log.warning("The snapshot of the index was not written: %s", err)
    os._exit(0)  # whatever the other thread is in the middle of, nobody waits for it


if __name__ == "__main__":
    main()
