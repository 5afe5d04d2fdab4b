"""Reads: who likes and follows what, people in numbers, collections. Nothing here writes."""
