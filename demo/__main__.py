"""``python -m demo``: a running hub with real models and data sets in it, from one command.

Run again it changes nothing that is there: what was fetched is kept, what was published is compared and left alone.
"""

import argparse
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from demo import answering, fetch, people, sources
from demo.errors import DemoError
from demo.hub import Hub, check_port
from demo.items import ITEMS, NAMESPACE, Item
from demo.sources import Package

if TYPE_CHECKING:
    from huggingface_hub import HfApi

console = Console(highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; the exit status is 0 when it served (or, with ``--once``, published) until it was told to stop."""
    asked = _parser().parse_args(arguments)
    # Like Ctrl-C, so that a service manager or a test can end it in good order too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hub = Hub(asked.freehold, asked.data.resolve(), asked.host, asked.port)
    try:
        _run(hub, asked.cache.resolve(), once=asked.once)
    except DemoError as err:
        console.print(f"[bold red]The demo stopped.[/] {escape(str(err))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopping the hub.")
    finally:
        hub.stop()
    return 0


def _run(hub: Hub, cache: Path, *, once: bool) -> None:
    check_port(hub.host, hub.port)
    packages = {package.name: package for package in sources.load()}
    _fetch_all(packages.values(), cache)
    with console.status("Starting the hub"):
        hub.start()
        token = people.token_for(hub)
    _publish_all(hub, token, packages, cache)
    _serve(hub, token)
    _tell(hub, token)
    _ask(hub, token)
    if not once:
        console.print("The hub is running. Ctrl-C stops it; `make demo` starts it again.")
        hub.wait()


def _fetch_all(packages: Iterable[Package], cache: Path) -> None:
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for package in packages:
            if not fetch.present(package, cache):
                _fetch(package, cache, progress)


def _fetch(package: Package, cache: Path, progress: Progress) -> None:
    bar = progress.add_task(f"Fetching {package.name} {package.version}", total=package.size_bytes)

    def received(size_bytes: int) -> None:
        # pip keeps the download and its copy for a moment: more than the whole would look broken.
        progress.update(bar, completed=min(size_bytes, package.size_bytes))

    fetch.fetch(package, cache, received)
    progress.update(bar, completed=package.size_bytes)


def _publish_all(hub: Hub, token: str, packages: dict[str, Package], cache: Path) -> None:
    prepare_client(hub.url, cache)
    # Only now: the client reads its environment when it is imported.
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.url, token=token)
    with tempfile.TemporaryDirectory(prefix="made-", dir=cache) as scratch:
        for item in ITEMS:
            with console.status(f"Publishing {NAMESPACE}/{item.name}"):
                done = _publish(api, item, packages[item.package], cache, Path(scratch))
            console.print(f"✓ {escape(done)}", soft_wrap=True)


def _serve(hub: Hub, token: str) -> None:
    """The models that talk and embed answer under /v1."""
    for model, wish in ((answering.CHAT, {"keepWarm": True}), (answering.EMBEDDER, {})):
        console.print(f"✓ {escape(answering.deploy(hub.url, token, model, **wish))}", soft_wrap=True)


def _ask(hub: Hub, token: str) -> None:
    """The last line of the demo is a model's answer, and whether it is right."""
    with console.status(f"Asking {answering.CHAT}"):
        try:
            answered = answering.ask(hub.url, token)
        except DemoError as err:
            console.print(f"[bold]{answering.QUESTION}[/] No answer: {escape(str(err))}", soft_wrap=True)
            return
    console.print(f"[bold]{answering.QUESTION}[/] {escape(answered.text)}", soft_wrap=True)
    if not answered.is_right:
        console.print(f"[bold red]That is wrong:[/] it should say {answering.EXPECTED}.", soft_wrap=True)
    console.print(f"  {escape(answering.curl(hub.url))}\n", soft_wrap=True)


def _publish(api: "HfApi", item: Item, package: Package, cache: Path, scratch: Path) -> str:
    """Publish one item; a line that says what came of it."""
    from demo.publish import publish

    def find(ending: str) -> Path:
        found = [file for file in package.files if f"/{file.member}".endswith(ending)]
        assert len(found) == 1, f"{ending} names {len(found)} files of {package.name}"
        return fetch.path_of(package, found[0], cache)

    files = item.files(find, scratch)
    outcome = publish(api, item, files)
    size_mb = sum(files[path].stat().st_size for path in outcome.sent) / 1e6
    said = f"sent {len(outcome.sent)} files, {size_mb:.1f} MB" if outcome.sent else "already there"
    left = f"; changed on the hub, left alone: {', '.join(outcome.kept)}" if outcome.kept else ""
    return f"{NAMESPACE}/{item.name}: {item.what} ({said}{left})"


def prepare_client(url: str, cache: Path) -> None:
    """Set the official client's environment: this hub, its own caches, Xet on, no proxy on the way to it."""
    if importlib.util.find_spec("hf_xet") is None:
        raise DemoError("The demo publishes over Xet and hf-xet is not installed: pip install -r requirements/demo.txt")
    for name in (
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_HUB_OFFLINE",
        "HF_HUB_DISABLE_XET",
        "HUGGINGFACE_CO_STAGING",
    ):
        os.environ.pop(name, None)
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), os.environ.get("no_proxy"), "127.0.0.1", "localhost")))
    os.environ |= {
        "HF_ENDPOINT": url,
        "HF_HOME": str(cache / "client"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def _tell(hub: Hub, token: str) -> None:
    """The address, the link, the token and lines to paste; never wrapped, so that they can be."""
    link = people.sign_in_link(hub)
    embed = f'S("{NAMESPACE}/all-MiniLM-L6-v2").encode("hello").shape'
    stream = f'load_dataset("{NAMESPACE}/movie-reviews", split="train", streaming=True)'
    lines = f"""
[bold]Your hub[/]         {hub.url}
[bold]Administrator[/]    {link}   (works once)
[bold]Token[/]            {token}   (may write; keep it to yourself)

Paste these into another terminal; any official client then talks to your hub:

  export HF_ENDPOINT={hub.url}
  export HF_TOKEN={token}

  hf download {NAMESPACE}/all-MiniLM-L6-v2
  hf upload {people.ADMIN}/my-first-model ./README.md
  python -c 'from sentence_transformers import SentenceTransformer as S; print({embed})'
  python -c 'from datasets import load_dataset; print(next(iter({stream})))'
"""
    console.print(lines, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description="A running hub with real models and data sets.")
    beside = Path(sys.executable).with_name("freehold")
    parser.add_argument("--data", type=Path, default=Path("freehold-data"), help="where the hub keeps everything")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on")
    parser.add_argument("--cache", type=Path, default=Path(".demo"), help="where what was fetched is kept")
    parser.add_argument("--once", action="store_true", help="publish, then stop the hub and exit")
    parser.add_argument("--freehold", default=str(beside), help="the hub's command")
    return parser


if __name__ == "__main__":
    sys.exit(main())
