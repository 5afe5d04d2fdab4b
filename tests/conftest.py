"""What every test stands on. The fixtures themselves live in ``tests/fixtures/``, one file per thing.

database, database_url    an empty hub's database (SQLite; with --postgres every test that uses one runs on both)
each_store                the three stores: memory, directory, S3 (a real service)
app, kit, client          the whole hub in this process, on ``database`` and a store in memory
new_app                   the same with other settings, as often as wanted
cast                      Alice owns, Bob is a member, Charlie is a stranger, Root administers, Anonymous visits
live, serve               real ``freehold serve`` processes: one for the session, or own ones to kill and restart
clients, release          official clients in their own environments; each promised release in turn
engine                    a stand-in for the process of an engine, on loopback, and a store that hands it out
tiny_gguf, tiny_...       models small enough to make now: what they say means nothing, but is always the same
browse                    a tab of Chromium on ``live``, of whoever is named; it fails for what went wrong in it unseen
"""

import asyncio
import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.stores",
    "tests.fixtures.seaweed",
    "tests.fixtures.hub",
    "tests.fixtures.people",
    "tests.fixtures.servers",
    "tests.fixtures.clients",
    "tests.fixtures.browser",
    "tests.fixtures.engines",
    "tests.fixtures.models",
]

#: Whatever the person at this machine has set for their own clients must not reach a test.
FOREIGN = ("FREEHOLD_", "HF_", "HUGGING", "AWS_", "GIT_", "PG", "XET_", "TRANSFORMERS_", "DATASETS_", "OPENAI_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def _scrub() -> None:
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.upper() in PROXIES or name.upper().endswith("_TOKEN"):
            del os.environ[name]
    os.environ["TZ"] = "Asia/Kathmandu"  # +05:45: a moment that lost its time zone shows
    time.tzset()


_scrub()

# Thousands of hubs are made and dropped: looking for what they leave behind as often as usual is a seventh of the time.
gc.set_threshold(20_000, 50, 50)

_run = asyncio.run


def _run_apart(main: Any, **options: Any) -> Any:
    """``asyncio.run`` also beside Playwright, whose loop stays the running one of this thread while its browser is
    open: in a thread of its own then."""
    if asyncio._get_running_loop() is None:
        return _run(main, **options)
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(_run, main, **options).result()


asyncio.run = _run_apart

# No test is judged by its speed; and a submission is judged by the same examples twice.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="run every test that uses a database on PostgreSQL too")
