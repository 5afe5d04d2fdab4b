"""The API of every model: OpenAI's calls under ``/v1`` and the official client's task calls.

*Wish*: what a call asks for, read from its body. *Admitted*: a wish whose name, rights and budget were looked at.
*Shape*: how an answer of an engine is put for whoever asked.
Neighbours: ``pipelines``, ``routing``, ``inference`` and ``usage`` below; ``playground`` and ``batches`` above.
"""
