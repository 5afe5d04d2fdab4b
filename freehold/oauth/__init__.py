"""OAuth: programs that act for people who agreed to it, and sign people in elsewhere with their account here.

A *program* is an application that asks: the official client's own login, a Space, somebody's site. A *grant* is what
one person agreed to for one program; access tokens and refresh tokens hang on it and end with it. Neighbours:
``accounts`` keeps the access tokens themselves, so that every door knows them.
"""
