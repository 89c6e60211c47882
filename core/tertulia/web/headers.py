"""Security headers on every answer, errors and plugins' pages included."""

from __future__ import annotations

from aiohttp import hdrs, web

from tertulia.web.sessions import secure
from tertulia.web.state import FRAMES, RUNTIME, SCRIPTS

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {frames}"
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"
YEAR = 31_536_000


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers just before an answer leaves."""
    frames = request.get(FRAMES, ())
    headers, scripts = response.headers, request.get(SCRIPTS, ())
    policy = POLICY.format(frames=" ".join(frames) if frames else "'none'")
    headers["Content-Security-Policy"] = f"{policy}; script-src 'self' {' '.join(scripts)}" if scripts else policy
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = PERMISSIONS
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if not frames:
        headers["X-Frame-Options"] = "DENY"
    if secure(request.app[RUNTIME].config):
        headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
    # nobody but the browser in front of the member keeps a page
    headers.setdefault("Cache-Control", "no-store")
    headers.popall(hdrs.SERVER, None)
