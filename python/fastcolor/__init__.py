"""fastcolor gives colour and resolution back to old photographs and film."""

from fastcolor import ops
from fastcolor._core import DeviceError, build_info, set_thread_count, thread_count

__all__ = ["DeviceError", "build_info", "ops", "set_thread_count", "thread_count"]
