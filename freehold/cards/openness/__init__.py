"""How open a repository is, on a spectrum: six questions, each answered open, partly, closed or unknown, with evidence.

*Dimension*: one of the questions: weights, code, data, recipe, evaluation, licence. *Reading*: the answer to one, what
it rests on, and a few words for the summary. *Told*: what the files and the card of one commit say, found once and
kept. *Neighbour*: a repository that the card names, as far as the reader may know of it.

The rules and their reasons: docs/openness.md. ``read`` answers; ``gathering`` finds what is answered from, for one
reader; ``keeping`` writes down what everybody may know, for lists.
"""
