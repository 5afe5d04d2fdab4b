"""Pipelines: several models as steps, written in a YAML file of a repository, served under one name.

*Step*: generate, check, rewrite, classify or join. *Trace*: what each step was given, took and gave.
Neighbours: ``routing`` and ``inference`` below answer the steps; ``gateway`` above serves pipelines.
"""
