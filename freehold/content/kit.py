"""What the byte-moving rooms work with, built once in ``main.py``."""

from dataclasses import dataclass
from pathlib import Path

from freehold.core.sealing import Sealer
from freehold.core.settings import Settings
from freehold.core.signing import Signer
from freehold.gitkit.depot import Depot
from freehold.gitkit.serving import Turns
from freehold.stores.store import Store


@dataclass(frozen=True)
class Kit:
    """Stores, scratch and secrets of one installation."""

    settings: Settings
    store: Store  # bytes by key
    tmp: Path  # scratch, on the same file system as a directory store
    cache: Path  # disposable: packs of a remote store, rebuilt files
    git: Depot  # opens the git objects of a repository
    git_turns: Turns  # how many gits may run at once
    signer: Signer  # signs addresses and tokens
    sealer: Sealer  # encrypts what is kept but must not be read in a dump

    # Three folders of the cache have one bound, ``settings.cache_bytes``: each makes room in view of the others.

    @property
    def rebuilt_files(self) -> Path:
        """Whole files by digest, rebuilt from recipes for readers."""
        return self.cache / "files"

    @property
    def model_files(self) -> Path:
        """Files of models as engines read them, a folder for each choice of files."""
        return self.cache / "models"

    @property
    def made_weights(self) -> Path:
        """Weights that engines made of such files."""
        return self.cache / "made"
