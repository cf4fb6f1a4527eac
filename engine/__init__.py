"""Everything of Nexod that works with no browser."""
