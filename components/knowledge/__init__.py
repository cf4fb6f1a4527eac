"""What a collection's page does in the browser: sending files, and showing how a text would be cut."""

from components.knowledge.knowledge import cutter, drop_zone

__all__ = ["cutter", "drop_zone"]
