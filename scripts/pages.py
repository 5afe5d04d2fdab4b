"""Every page, once for each person who sees it differently: photographed by ``make screenshots``, read by axe.

A new page is a new line here. Addresses lead into the sample (``scripts/sample.py``); what is between braces is what
the sample found out while it was made.
"""

from dataclasses import dataclass

OWNER, MEMBER, STRANGER, ADMINISTRATOR, NOBODY = "alice", "bob", "charlie", "root", ""


@dataclass(frozen=True)
class Shown:
    """A page as one person sees it. ``name`` is that of its picture; ``status`` what it is answered with."""

    name: str
    address: str
    who: str = OWNER
    status: int = 200


_MODEL = "/lab/river-tides"
_DATA = "/datasets/lab/harbour-logs"

PAGES: tuple[Shown, ...] = (
    # ---- home, lists, search
    Shown("home", "/"),
    Shown("home-anonymous", "/", NOBODY),
    Shown("models", "/models", NOBODY),
    Shown("models-filtered", "/models?search=tide&filter=license:apache-2.0"),
    Shown(
        "models-questions",
        "/models?context_length=min:8K&open=quantisation,dtype,size,updated,pickles&sort=size&direction=1&filters=shown",
    ),
    Shown("models-fleet", "/models?fits=lab:fleet"),
    Shown("models-words", "/models?text=tide&sort=likes"),
    Shown("models-none", "/models?search=nothing-like-it"),
    Shown("datasets", "/datasets"),
    Shown("spaces", "/spaces"),
    Shown(
        "compare-models",
        "/compare?models=lab/river-tides&models=lab/river-tides-small&models=lab/harbour-voices&models=lab/gone",
    ),
    Shown("compare-differs", "/compare?models=lab/river-tides&models=lab/river-tides-small&only=differences", NOBODY),
    Shown("compare-data", "/compare?datasets=lab/harbour-logs&datasets=bob/weather-notes", STRANGER),
    Shown("compare-nothing", "/compare", NOBODY),
    Shown("compare-too-many", "/compare?models=a/a,a/b,a/c,a/d,a/e,a/f", NOBODY, status=422),
    Shown("search", "/search?search=tide", STRANGER),
    Shown("search-near", "/search?search=tdies", NOBODY),
    Shown("search-none", "/search?search=zzzz", NOBODY),
    Shown("activity", "/activity"),
    Shown("trends", "/trends", NOBODY),
    Shown("trends-closer", "/trends?by=licence&measure=new&as=number&span=3m&word=license:mit"),
    Shown("openness-rules", "/-/openness", NOBODY),
    Shown("choose", "/choose", NOBODY),
    Shown("choose-list", "/choose?for=classify&commercial=conditions&machine=cpu-16", STRANGER),
    Shown("choose-none", "/choose?for=classify&commercial=yes&machine=cpu-8&length=90000&unit=pages", NOBODY),
    # ---- a repository
    Shown("model", _MODEL),
    Shown("model-on-fleet", "/lab/river-tides-small?machine=lab:fleet&users=8&tokens=8192"),
    Shown("model-anonymous", _MODEL, NOBODY),
    Shown("model-private", "/alice/letters-by-hand"),
    Shown("model-gated", "/lab/harbour-voices", STRANGER),
    Shown("model-ask-access", "/lab/harbour-voices/ask-access", MEMBER),
    Shown("model-terms", "/lab/harbour-voices/terms/{terms}"),
    Shown("dataset", _DATA, STRANGER),
    Shown("space", "/spaces/bob/tide-table", MEMBER),
    Shown("lineage", f"{_MODEL}/-/lineage?open=bob/river-tides-nl", STRANGER),
    Shown("lineage-above", "/lab/river-tides-nl-gguf/-/lineage", NOBODY),
    Shown("similar", "/bob/river-and-sea/-/similar", NOBODY),
    Shown("likers", f"{_MODEL}/likers"),
    Shown("repo-activity", f"{_MODEL}/activity"),
    Shown("watch", f"{_MODEL}/watch"),
    # ---- files
    Shown("files", f"{_MODEL}/tree/main"),
    Shown("files-folder", f"{_MODEL}/tree/main/docs", NOBODY),
    Shown("file-code", f"{_MODEL}/blob/main/train.py"),
    Shown("file-markdown", f"{_MODEL}/blob/main/docs/gauges.md"),
    Shown("file-json", f"{_MODEL}/blob/main/config.json"),
    Shown("file-image", f"{_MODEL}/blob/main/map.png"),
    Shown("file-notebook", f"{_MODEL}/blob/main/notebooks/look.ipynb"),
    Shown("file-safetensors", f"{_MODEL}/blob/main/model.safetensors"),
    Shown("file-gguf", "/lab/river-tides-small/blob/main/tides.gguf"),
    Shown("file-csv", f"{_DATA}/blob/main/data/train.csv"),
    Shown("file-jsonl", f"{_DATA}/blob/main/data/remarks.jsonl", NOBODY),
    Shown("history", f"{_MODEL}/commits/main"),
    Shown("commit", f"{_MODEL}/commit/{{commit}}"),
    Shown("file-history", f"{_MODEL}/commits/main/README.md"),
    Shown("revert", f"{_MODEL}/revert/{{commit}}"),
    Shown("upload", f"{_MODEL}/upload/main"),
    Shown("upload-folder", f"{_MODEL}/upload/main/docs"),
    Shown("file-edit", f"{_MODEL}/edit/main/train.py"),
    Shown("card-edit", f"{_MODEL}/card/edit"),
    Shown("card-edit-proposed", f"{_DATA}/card/edit", STRANGER),
    Shown("file-new", f"{_MODEL}/new/main"),
    Shown("file-new-folder", f"{_MODEL}/new/main/docs"),
    Shown("file-move", f"{_MODEL}/move/main/train.py"),
    Shown("file-delete", f"{_MODEL}/delete/main/train.py"),
    # ---- together
    Shown("community", f"{_MODEL}/discussions"),
    Shown("community-none", f"{_MODEL}/discussions?search=nothing&type=pull_request", NOBODY),
    Shown("discussion", f"{_MODEL}/discussions/{{discussion}}", STRANGER),
    Shown("discussion-new", f"{_MODEL}/discussions/new", STRANGER),
    Shown("pull", f"{_MODEL}/discussions/{{pull}}"),
    Shown("pull-files", f"{_MODEL}/discussions/{{pull}}/files"),
    Shown("pull-remark", f"{_MODEL}/discussions/{{pull}}/files?path=README.md&side=after&line=33", MEMBER),
    Shown("pull-split", f"{_MODEL}/discussions/{{pull}}/files?view=split", STRANGER),
    Shown("pull-commits", f"{_MODEL}/discussions/{{pull}}/commits", NOBODY),
    Shown("compare", f"{_MODEL}/compare"),
    Shown("compared", f"{_MODEL}/compare/main..refs%2Fpr%2F{{pull}}"),
    Shown("collections", "/collections"),
    Shown("collection", "/collections/{collection}", NOBODY),
    Shown("collection-edit", "/collections/{collection}/edit"),
    Shown("collection-new", "/collections/new"),
    Shown("collection-add", "/collections/add?item=models/lab/river-tides"),
    Shown("searches", "/searches"),
    Shown("searches-none", "/searches", STRANGER),
    Shown("search-new", "/searches/new?kind=model&query=filter%3Dlicense%3Amit%26num_parameters%3Dmax%3A100M"),
    Shown("models-saved", "/models?filter=license%3Aapache-2.0&sort=lastModified"),
    Shown("notifications", "/notifications"),
    Shown("notifications-narrowed", "/notifications?all=true&repo=lab/river-tides"),
    # ---- people
    Shown("person", "/alice", STRANGER),
    Shown("organisation", "/lab", NOBODY),
    Shown("followers", "/alice/activity/followers"),
    Shown("following", "/bob/activity/following"),
    Shown("members", "/lab/activity/members"),
    Shown("liked", "/alice/activity/likes"),
    Shown("sign-in", "/login", NOBODY),
    Shown("sign-in-link", "/login/no-such-link", NOBODY),
    Shown("password-forgotten", "/password", NOBODY),
    Shown("person-own", "/alice"),
    Shown("organisation-member", "/lab", MEMBER),
    Shown("sign-up", "/join", NOBODY),
    Shown("device", "/device"),
    Shown("link-over", "/join/nothing-behind-it", NOBODY, status=404),
    Shown("organisation-new", "/organizations/new"),
    Shown("organisation-profile", "/organizations/lab/settings/profile"),
    Shown("organisation-members", "/organizations/lab/settings/members"),
    Shown("organisation-machines", "/organizations/lab/settings/machines"),
    Shown("organisation-machines-member", "/organizations/lab/settings/machines", MEMBER),
    Shown("organisation-terms", "/organizations/lab/access"),
    Shown("organisation-audit", "/organizations/lab/settings/audit"),
    # ---- settings
    Shown("new-model", "/new"),
    Shown("new-space", "/new?kind=space"),
    Shown("repo-settings", f"{_MODEL}/settings"),
    Shown("repo-access", "/lab/harbour-voices/access"),
    Shown("space-variables", "/spaces/bob/tide-table/settings/variables", MEMBER),
    Shown("settings-profile", "/settings/profile"),
    Shown("settings-account", "/settings/account"),
    Shown("settings-organisations", "/settings/organizations", STRANGER),
    Shown("settings-machines", "/settings/machines"),
    Shown("settings-tokens", "/settings/tokens"),
    Shown("settings-programs", "/settings/programs"),
    Shown("settings-notifications", "/settings/notifications"),
    Shown("settings-webhooks", "/settings/webhooks"),
    Shown("settings-webhook", "/settings/webhooks/{webhook}"),
    # ---- administration
    Shown("admin", "/admin", ADMINISTRATOR),
    Shown("admin-people", "/admin/people", ADMINISTRATOR),
    Shown("admin-person", "/admin/people/alice", ADMINISTRATOR),
    Shown("admin-organisations", "/admin/organizations", ADMINISTRATOR),
    Shown("admin-organisation", "/admin/organizations/lab", ADMINISTRATOR),
    Shown("admin-repositories", "/admin/repositories", ADMINISTRATOR),
    Shown("admin-repository", "/admin/repositories/{repo}", ADMINISTRATOR),
    Shown("admin-storage", "/admin/storage", ADMINISTRATOR),
    Shown("admin-tasks", "/admin/tasks", ADMINISTRATOR),
    Shown("admin-audit", "/admin/audit", ADMINISTRATOR),
    Shown("admin-settings", "/admin/settings", ADMINISTRATOR),
    Shown("admin-health", "/admin/health", ADMINISTRATOR),
    # ---- how the hub is, and what went wrong
    Shown("catalogue", "/-/catalogue", NOBODY),
    Shown("licences", "/-/licences", NOBODY),
    Shown("health", "/-/health", NOBODY),
    Shown("no-repository", "/lab/river-tide", NOBODY, status=401),
    Shown("no-page", "/no/such/page/here", STRANGER, status=404),
    Shown("not-allowed", "/admin/audit", STRANGER, status=403),
)
