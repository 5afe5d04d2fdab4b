"""SentenceTransformer loads a whole folder from the hub and gives the meaning of sentences."""

from checks import given, told
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(given["repo"])
near, far = model.similarity(
    model.encode(["A cat sits on the mat."]), model.encode(["A kitten is on the rug.", "The stock market fell."])
)[0].tolist()
told(near=near, far=far, dimensions=len(model.encode("hello")))
