"""Accounts: people, organisations, membership, sign-in, sessions and tokens.

An *account* is a person or an organisation; its name is a *namespace*. Neighbours: ``access`` decides with what is
known here, ``repos`` hangs repositories under accounts.
"""
