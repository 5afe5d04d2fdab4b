"""Likes, follows and collections as pages and forms."""
