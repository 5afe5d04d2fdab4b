"""Many requests at once: a file or a data set and a prompt in, a data set out; resumable, after live calls.

*Batch*: the job. *Line*: one request of it and its answer.
Neighbours: ``gateway`` below answers each line; ``content`` keeps the files.
"""
