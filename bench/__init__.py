"""The figures that Nexod promises, measured on the real product: `make bench`, or `python -m bench a d`."""
