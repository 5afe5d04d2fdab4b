"""The Xet content-addressed storage: uploads checked down to the last byte, reads that open nothing they need not.

``tokens`` says who may call; ``xorbs`` takes and finds xorbs; ``shards`` registers files; ``dedup`` answers what is
here already; ``reads`` plans and rebuilds. Rules: protocol/xet.md 10 and 11.
"""
