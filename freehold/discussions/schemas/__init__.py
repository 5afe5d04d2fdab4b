"""Shapes on the wire of discussions, pull requests and comparisons."""

from freehold.discussions.schemas.changes import Update as Update
from freehold.discussions.schemas.changes import compared as compared
from freehold.discussions.schemas.changes import conflicts as conflicts
from freehold.discussions.schemas.threads import MAX_RENDERED_CHARS as MAX_RENDERED_CHARS
from freehold.discussions.schemas.threads import EditedComment as EditedComment
from freehold.discussions.schemas.threads import Merge as Merge
from freehold.discussions.schemas.threads import NewBase as NewBase
from freehold.discussions.schemas.threads import NewComment as NewComment
from freehold.discussions.schemas.threads import NewDiscussion as NewDiscussion
from freehold.discussions.schemas.threads import NewReview as NewReview
from freehold.discussions.schemas.threads import NewStatus as NewStatus
from freehold.discussions.schemas.threads import NewTitle as NewTitle
from freehold.discussions.schemas.threads import comment_html as comment_html
from freehold.discussions.schemas.threads import details as details
from freehold.discussions.schemas.threads import event as event
from freehold.discussions.schemas.threads import summary as summary
