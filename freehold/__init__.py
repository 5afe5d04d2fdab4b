"""Freehold: a Hugging Face of one's own."""

__version__ = "0.1.0"
