"""Slots: the places in the shell that rooms fill. ``menus.py`` declares them once; the shell knows no room."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from freehold.web.components import Found, Line, ListNote, Place

#: Makes a part of another room's page, from the request's ``Ask`` and what the page is about; empty for nothing.
Filler = Callable[[Any, Any], str]


@dataclass(frozen=True)
class Entry:
    """A word that leads somewhere. ``icon`` names a symbol of the sprite; ``area`` is where a page says it belongs."""

    label: str
    address: str
    icon: str = ""
    area: str = ""


@dataclass(frozen=True)
class Tab:
    """A tab of every page of a repository: ``{repo}`` in ``address`` is its own; ``area`` is what pages call theirs."""

    label: str
    address: str
    area: str
    count: Callable[[Any, Any], int] | None = None  #: how much there is behind it, from ``Ask`` and ``RepoHead``
    is_setting: bool = False  #: for those who may change the repository's settings


@dataclass(frozen=True)
class Slots:
    """What surrounds every page of this installation."""

    main: tuple[Entry, ...] = ()  #: main navigation, at the top
    create: tuple[Entry, ...] = ()  #: the "New" menu of someone signed in
    #: The account menu, ``{name}`` stands for the visitor; ``area`` "admin": for who administers the hub.
    account: tuple[Entry, ...] = ()
    admin: tuple[Entry, ...] = ()  #: the menu of the administration
    serving: tuple[Entry, ...] = ()  #: the lists of what answers calls, each a tab of the others
    settings: tuple[Entry, ...] = ()  #: the pages of a person's settings, in their order
    repo_settings: tuple[
        Entry, ...
    ] = ()  #: a repository's settings, ``{repo}`` is its address; ``area``: one kind only
    org_settings: tuple[Entry, ...] = ()  #: of an organisation, ``{org}``; ``area`` "member": every member may look
    footer: tuple[Entry, ...] = ()
    repo_actions: tuple[Filler, ...] = ()  #: beside a repository's name, from its ``RepoHead``
    repo_more: tuple[Filler, ...] = ()  #: what is done less often, as entries of the menu beside them
    repo_tabs: tuple[Tab, ...] = ()  #: of every page of a repository
    repo_line: Callable[[Any, Any], Sequence[str]] | None = None  #: short facts under its name, from its ``RepoHead``
    profile: tuple[Filler, ...] = ()  #: beside what an account publishes, from its ``Account``
    #: In place of a file's text, from ``content.queries.FileAt``: the first that makes something of the file is shown.
    file_views: tuple[Filler, ...] = ()
    #: Beside the buttons of a file's or folder's page, from ``content.queries.PathAt``.
    path_actions: tuple[Filler, ...] = ()
    #: On home, from ``Ask`` and how many: lines that wait for whoever asks, and lines that they opened.
    desk: tuple[Callable[[Any, int], tuple[Sequence[Line], Sequence[Line]]], ...] = ()
    #: In a search, from ``Ask``, its words and how many.
    search: tuple[Callable[[Any, str, int], Found], ...] = ()
    list_note: Callable[[Any, Any], ListNote] | None = None  #: on a list, from ``Ask`` and its ``ListSeen``
    repo_goods: tuple[Filler, ...] = ()  #: what a ``Repo`` holds, in words, where it can be deleted with all of it
    family_address: str = ""  #: where all of a model's family is, ``{repo}`` is the model's address; empty: nowhere
    compare_address: str = ""  #: where models or data sets stand side by side; empty: nowhere
    similar_address: str = ""  #: where others like a model or a data set are, ``{repo}`` is its address
    search_address: str = ""  #: where the search field at the top leads; empty: no field
    suggest_address: str = ""  #: answers what the words typed there may mean; empty: nothing while one types
    #: ``(ask, kind, name)``: repositories with names like one that is not there, as far as the visitor may know.
    near: Callable[[Any, str, str], Sequence[Place]] | None = None
    #: ``(ask, used)``: of the models that were called, each with its repository's id, those the visitor may know.
    known_models: Callable[[Any, Collection[tuple[str, str]]], Collection[str]] | None = None
    trends_address: str = (
        ""  #: which kinds of repository rise and fall, ``{kind}`` is that of a list; empty: nothing tells
    )
    machines_address: str = ""  #: where somebody signed in names the machines that they have; empty: nowhere
    choose_address: str = ""  #: helps to choose among models; empty: nothing does
    health_address: str = ""  #: how the hub is, in words for everybody
    inbox_address: str = ""  #: what somebody signed in is told; empty: no bell
    sign_in_address: str = ""
    sign_out_address: str = ""
    version: str = field(default="")
