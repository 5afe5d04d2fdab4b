"""What runs in the engines' own processes. The hub starts these files and never imports them.

Each reads its options and its key as one line of JSON on stdin, serves HTTP on a loopback port, says where on stdout,
refuses whoever has no key, and ends when stdin closes (``lifeline``).
"""
