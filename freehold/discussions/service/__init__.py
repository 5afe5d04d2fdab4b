"""What people can do in discussions and pull requests, and what a push tells them."""

from freehold.discussions.service.arranging import move as move
from freehold.discussions.service.arranging import remove as remove
from freehold.discussions.service.cards import change_card as change_card
from freehold.discussions.service.comments import comment as comment
from freehold.discussions.service.comments import edit_comment as edit_comment
from freehold.discussions.service.comments import hide_comment as hide_comment
from freehold.discussions.service.comments import react as react
from freehold.discussions.service.comments import take_back as take_back
from freehold.discussions.service.editing import change_file as change_file
from freehold.discussions.service.editing import create_file as create_file
from freehold.discussions.service.editing import draft as draft
from freehold.discussions.service.news import subscribe as subscribe
from freehold.discussions.service.pulls import change_base as change_base
from freehold.discussions.service.pulls import change_draft as change_draft
from freehold.discussions.service.pulls import create_pull_request as create_pull_request
from freehold.discussions.service.pulls import merge as merge
from freehold.discussions.service.pulls import take_up as take_up
from freehold.discussions.service.reviews import remark as remark
from freehold.discussions.service.reviews import review as review
from freehold.discussions.service.threads import change_lock as change_lock
from freehold.discussions.service.threads import change_pin as change_pin
from freehold.discussions.service.threads import change_status as change_status
from freehold.discussions.service.threads import create_discussion as create_discussion
from freehold.discussions.service.threads import rename as rename
