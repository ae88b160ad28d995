"""The columns in which `fastcolor bench engines` shows its rows."""

from __future__ import annotations


def text(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    return "<0.001" if form == ".2g" and 0 < value < 0.001 else format(value, form)


COLUMNS = (
    ("ms_per_image", "ms/image", ".2f"), ("images_per_s", "images/s", ".1f"),
    ("p50_ms", "p50 ms", ".1f"), ("p95_ms", "p95 ms", ".1f"), ("gflops", "GFLOP/s", ".0f"),
    ("peak_fraction", "of peak", ".0%"), ("ratio", "x eager", ".2f"),
    ("cold_start_s", "cold s", ".2f"), ("compile_s", "compile s", ".2f"),
    ("peak_mb", "peak MB", ".0f"), ("error", "error", ".2g"),
)  # fmt: skip
