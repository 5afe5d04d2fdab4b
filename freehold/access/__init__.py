"""Access: who asks (*actor*), what for (*action*), and the one rule that decides, for every door.

Policy lives here; rooms above describe their things in terms of it. Neighbours: ``accounts`` below knows the people.
"""
