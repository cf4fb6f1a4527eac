"""How well search answers questions on texts that nobody here wrote: one table for each embedding.

`python -m bench.quality` measures the keyless default, `python -m bench.quality minilm` the optional model as well
(NEXOD_MINILM or `make minilm`). Only the half of the questions is reported that no number was chosen by; `tuning` as
an argument shows the other one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import migrate
from tests.engine.knowledge.quality import MODES, measure, shelve, table
from tests.engine.knowledge.questions import corpus


def main() -> None:
    texts = corpus()
    asked = [one for one in texts.questions if one.tuning == ("tuning" in sys.argv)]
    print(f"{len(texts.passages)} passages, {len(asked)} questions, half of them reworded\n")
    for embedding in ("hashing", *(["minilm"] if "minilm" in sys.argv else [])):
        with tempfile.TemporaryDirectory() as folder:
            db = Database.open(f"sqlite:///{Path(folder) / 'nexod.db'}")
            migrate(db)
            began = time.monotonic()
            library = shelve(db, Settings.read(os.environ | {"NEXOD_DATA": folder}), texts, embedding)
            measured = {mode: measure(library, asked, mode) for mode in MODES}
            print(table(embedding, measured))
            print(f"{'':10}in {time.monotonic() - began:.0f} s\n", flush=True)
            db.close()


if __name__ == "__main__":
    main()
