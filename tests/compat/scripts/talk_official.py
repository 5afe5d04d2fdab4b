"""The official InferenceClient, unmodified, against a model of the hub: by the base address, and by the model's own."""

import os

from checks import given, told
from huggingface_hub import InferenceClient

hub, model = os.environ["HF_ENDPOINT"], given["model"]
words = [{"role": "user", "content": given["question"]}]
most = given.get("max_tokens", 16)
base = InferenceClient(base_url=hub + "/v1")
own = InferenceClient(model=f"{hub}/models/{model}")
detailed = own.text_generation("The capital of France is", max_new_tokens=3, details=True)
told(
    said=base.chat.completions.create(model=model, messages=words, max_tokens=most).choices[0].message.content,
    streamed="".join(
        piece.choices[0].delta.content or ""
        for piece in base.chat_completion(words, model=model, max_tokens=most, stream=True)
    ),
    own=own.chat_completion(words, max_tokens=most).choices[0].message.content,
    goes_on=own.text_generation("The capital of France is", max_new_tokens=3),
    token_by_token="".join(own.text_generation("The capital of France is", max_new_tokens=3, stream=True)),
    tokens=detailed.details.generated_tokens,
)
