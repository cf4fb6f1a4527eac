"""The editor of one workflow."""
