"""Pages to talk to a model, and what people thought of its answers.

*Feedback*: a thumb up or down and the corrected answer, a row of a data set that its owner chose.
Neighbours: ``gateway`` below answers; ``content`` keeps the rows.
"""
