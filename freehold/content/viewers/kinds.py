"""What a file is, by its name: how it is shown, and what is said of one that is not."""

PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "webp", "avif", "svg"})
SOUNDS = frozenset({"mp3", "wav", "flac", "ogg", "oga", "opus", "m4a", "aac"})
FILMS = frozenset({"mp4", "webm", "ogv", "m4v"})
MARKDOWN = frozenset({"md", "markdown", "mdx"})
TABLES = {"csv": ",", "tsv": "\t"}
JSON_LINES = frozenset({"jsonl", "ndjson"})
JSON = frozenset({"json", "geojson", "webmanifest"})

_WORDS = {
    "7z": "a 7-Zip archive",
    "arrow": "an Arrow table: columns of values",
    "bin": "a binary file; of models, often a pickle, which can run code when it is loaded",
    "bz2": "a file compressed with bzip2",
    "ckpt": "a checkpoint; often a pickle, which can run code when it is loaded",
    "gguf": "a GGUF model",
    "gz": "a file compressed with gzip",
    "h5": "an HDF5 file",
    "joblib": "a joblib file, a pickle, which can run code when it is loaded",
    "lz4": "a file compressed with LZ4",
    "msgpack": "a MessagePack file",
    "npy": "a NumPy array",
    "npz": "NumPy arrays",
    "onnx": "an ONNX model",
    "parquet": "a Parquet table: columns of values, compressed",
    "pdf": "a PDF document",
    "pkl": "a pickle, which can run code when it is loaded",
    "pickle": "a pickle, which can run code when it is loaded",
    "pt": "a PyTorch file; often a pickle, which can run code when it is loaded",
    "pth": "a PyTorch file; often a pickle, which can run code when it is loaded",
    "rar": "a RAR archive",
    "safetensors": "tensors in safetensors",
    "tar": "a tar archive",
    "tflite": "a TensorFlow Lite model",
    "wasm": "a WebAssembly program",
    "xz": "a file compressed with xz",
    "zip": "a zip archive",
    "zst": "a file compressed with Zstandard",
}


def words(ending: str) -> str:
    """What a file of this ending is, as the end of "This is …"."""
    return _WORDS.get(ending, "not text")
