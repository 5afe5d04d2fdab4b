"""The API of every model: OpenAI's calls under ``/v1`` and the official client's task calls.

*Plan*: what a call came to once its name, rights and budget were looked at. *Answer*: what goes back, and its meter.
Neighbours: ``pipelines``, ``routing``, ``inference`` and ``usage`` below; ``playground`` and ``batches`` above.
"""
