"""One file per kind of document. Each has `read`, runs in the child only, and may be killed at any point."""
