"""Headers of weights: what safetensors, GGUF, ONNX and pickle files say of themselves, read by range.

Pure, and of the standard library alone: this package runs in a child process without any other (``child``), because
its input is hostile. Every length is held against a limit before it is believed, nothing is executed, and a file that
contradicts itself is :class:`~freehold.cards.headers.header.Unreadable`, with the reason in words.
"""
