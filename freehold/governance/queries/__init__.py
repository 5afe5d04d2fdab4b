"""Reads of the administration pages, one file for each."""
