"""What names the weights of a model file."""

from __future__ import annotations

import hashlib

import onnx
from onnx import numpy_helper


def weights_digest(model: onnx.ModelProto) -> str:
    """sha256 over names and bytes of all initialisers, in order of name."""
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda t: t.name):
        digest.update(tensor.name.encode())
        digest.update(numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()
