"""Small parts that live in the browser: clocks, ticks, toasts, copy, file import."""

from components.live.live import copy_button, hotkey, import_file, keys, left, live, toasts, when

__all__ = ["copy_button", "hotkey", "import_file", "keys", "left", "live", "toasts", "when"]
