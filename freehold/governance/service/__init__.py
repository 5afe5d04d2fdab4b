"""What administrators do, one file for each family of verbs; and what is written down of what everybody does."""
