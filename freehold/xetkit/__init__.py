"""The Xet protocol as pure functions: bytes in, values out; no database, clock, store or network.

*Chunk*: a piece of a file, 8 to 128 KiB, named by its hash. *Xorb*: a run of chunks in one object. *Shard*: what a
client registers, files as ranges over xorbs. *Recipe*: one file's ranges, from which it is rebuilt. *Index*: where a
xorb's chunks end. Source: protocol/xet.md.
"""
