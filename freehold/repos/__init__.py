"""Repos: model, data set, space and kernel repositories: names, visibility, settings, move, delete.

A *repo* belongs to a *namespace* (an account). Its history and files are ``content``'s; what its card says is
``cards``'s.
"""
