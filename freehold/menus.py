"""What surrounds every page: the menus, the tabs, and what rooms hang in the pages of others. It knows every room."""

import freehold
from freehold.cards import pages as cards_pages
from freehold.choosing.pages import compare as compare_pages
from freehold.community.pages import marks as marks_pages
from freehold.content.pages import shared as content_shared
from freehold.discover import repository as repository_pages
from freehold.discover import suggesting
from freehold.discussions import elsewhere as discussions_elsewhere
from freehold.discussions.pages import arranging as arranging_pages
from freehold.discussions.pages import threads as threads_pages
from freehold.governance import pages as governance_pages
from freehold.inbox.pages import activity as activity_pages
from freehold.inbox.pages import notifications as notifications_pages
from freehold.inference import beside as endpoints_beside
from freehold.inference import known as known_models
from freehold.searches import pages as searches_pages
from freehold.usage import pages as usage_pages
from freehold.web.slots import Entry, Slots, Tab

#: At the foot of every page.
FOOTER = (
    Entry("Activity", "/activity"),
    Entry("Licences", "/-/licences"),
    Entry("API", "/openapi.json"),
    Entry("Components", "/-/catalogue"),
)
#: The lists of what answers calls.
SERVING = (
    Entry("Models", "/endpoints"),
    Entry("Routes", "/routes"),
    Entry("Pipelines", "/pipelines"),
    Entry("Batches", "/batches"),
)
#: The pages of a person's settings.
SETTINGS = (
    Entry("Profile", "/settings/profile"),
    Entry("Account", "/settings/account"),
    Entry("Organisations", "/settings/organizations"),
    Entry("Machines", "/settings/machines"),
    Entry("Access tokens", "/settings/tokens"),
    Entry("Usage", "/settings/usage"),
    Entry("Programs", "/settings/programs"),
    Entry("Notifications", "/settings/notifications"),
    Entry("Webhooks", "/settings/webhooks"),
)
#: The pages of an organisation's settings; its members see those that are theirs.
ORG_SETTINGS = (
    Entry("Profile and choices", "/organizations/{org}/settings/profile"),
    Entry("Members", "/organizations/{org}/settings/members"),
    Entry("Machines", "/organizations/{org}/settings/machines", area="member"),
    Entry("Usage", "/organizations/{org}/settings/usage", area="member"),
    Entry("Agreed terms", "/organizations/{org}/access", area="member"),
    Entry("Audit trail", "/organizations/{org}/settings/audit"),
)

#: At the top of every page.
MAIN = (
    Entry("Models", "/models", area="model"),
    Entry("Data sets", "/datasets", area="dataset"),
    Entry("Spaces", "/spaces", area="space"),
    Entry("Collections", "/collections", area="collection"),
    Entry("Trends", "/trends", area="trends"),
    Entry("Playground", "/playground", area="playground"),
)
#: The "New" menu.
CREATE = (
    Entry("Model", "/new", icon="model"),
    Entry("Data set", "/new?kind=dataset", icon="dataset"),
    Entry("Space", "/new?kind=space", icon="space"),
    Entry("Collection", "/collections/new", icon="bookmark"),
    Entry("Route", "/routes/new", icon="branch"),
    Entry("Organisation", "/organizations/new", icon="person"),
)
#: The account menu.
ACCOUNT = (
    Entry("Profile", "/{name}"),
    Entry("Organisations", "/settings/organizations"),
    Entry("Saved searches", "/searches"),
    Entry("Models that answer", "/endpoints", area="endpoints"),
    Entry("Batches", "/batches"),
    Entry("Routes", "/routes"),
    Entry("Pipelines", "/pipelines"),
    Entry("Activity", "/activity"),
    Entry("Access tokens", "/settings/tokens"),
    Entry("Settings", "/settings/profile"),
    Entry("Administration", "/admin", area="admin"),
)


def slots() -> Slots:
    """The slots of the shell, filled."""
    return Slots(
        main=MAIN,
        create=CREATE,
        account=ACCOUNT,
        admin=(*governance_pages.MENU, *usage_pages.ADMIN_MENU),
        serving=SERVING,
        settings=SETTINGS,
        repo_settings=(
            Entry("General", "{repo}/settings"),
            Entry("Access", "{repo}/access"),
            Entry("Secrets and variables", "{repo}/settings/variables", area="space"),
        ),
        org_settings=ORG_SETTINGS,
        footer=FOOTER,
        trends_address="/trends?kind={kind}",
        machines_address="/settings/machines",
        choose_address="/choose",
        inbox_address="/notifications",
        file_views=(cards_pages.file_view,),
        family_address="{repo}/-/lineage",
        compare_address="/compare",
        similar_address="{repo}/-/similar",
        repo_actions=(
            endpoints_beside.repo_action,
            marks_pages.like_action,
            notifications_pages.watch_action,
        ),
        repo_more=(marks_pages.collect_action, compare_pages.repo_action, activity_pages.activity_action),
        repo_tabs=(
            Tab("Card", "{repo}", "card"),
            Tab("Files", "{repo}/tree/main", "files"),
            Tab("Community", "{repo}/discussions", "community", count=threads_pages.open_threads),
            Tab("Settings", "{repo}/settings", "settings", is_setting=True),
        ),
        repo_line=repository_pages.line,
        profile=(activity_pages.profile_activity,),
        path_actions=(arranging_pages.path_actions,),
        repo_goods=(content_shared.goods, threads_pages.goods),
        desk=(discussions_elsewhere.desk,),
        search=(discussions_elsewhere.found,),
        list_note=searches_pages.list_note,
        search_address="/search",
        suggest_address="/-/suggest",
        near=suggesting.near,
        known_models=known_models.known,
        health_address="/-/health",
        sign_in_address="/login",
        sign_out_address="/logout",
        version=freehold.__version__,
    )
