"""Likes, follows, people in numbers and collections over JSON."""
