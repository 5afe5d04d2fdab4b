"""Addresses of links that are sent, and the pictures of names. Pure."""

from html import escape

from freehold.web.avatars import parcel


def link_path(secret: str) -> str:
    """Where an invitation by mail is answered."""
    return f"/join/{secret}"


def password_path(secret: str) -> str:
    """Where a new password is chosen."""
    return f"/password/{secret}"


def parcel_svg(name: str) -> str:
    """The parcel of ``name`` as a picture of its own, with colours that suit light and dark grounds."""
    lots = parcel(name)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="96" height="96">'
        f'<rect width="24" height="24" fill="#eceae3"/><polygon points="{lots.lot}" fill="#d5e3d8"/>'
        f'<path d="{lots.cut}" stroke="#5f8a6b" fill="none"/>'
        '<text x="12" y="16.6" text-anchor="middle" font-family="sans-serif" font-weight="600" font-size="13" '
        f'fill="#1d1c1a">{escape(lots.initial)}</text></svg>'
    )
