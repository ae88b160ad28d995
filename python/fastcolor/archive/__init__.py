"""Archives: whole collections through the models, resumable, nothing done twice.

``run(inputs, output, settings)`` is what ``fastcolor colorize`` calls. Sources name items
(source.py), the journal knows what became of each (journal.py), steps turn one item's bytes into
those of its output (steps.py), the pipeline keeps as many of them going as there are workers
(pipeline.py), and sinks put outputs under their final names (sink.py).
"""

from fastcolor.archive.outcome import Outcome
from fastcolor.archive.pipeline import run
from fastcolor.archive.settings import Settings

__all__ = ["Outcome", "Settings", "run"]
