"""The verbs of gates: asking and agreeing, deciding, and the terms that are in force."""
