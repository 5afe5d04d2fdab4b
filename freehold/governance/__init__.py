"""Governance: the audit trail, and the administration of an installation in the browser.

Words: an *entry* of the trail says who did what, on what, when; the *chain* ties the entries together, so that one that
was changed or taken out shows. A *choice* is a setting of the hub that administrators change while it runs. *Upkeep* is
a run of the collector or of the scrub that somebody asked for.

Neighbours: every room below tells what happened (their ``events``); none of them knows this one. The pages here call
the verbs of the rooms that own what they show.
"""
