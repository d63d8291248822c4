"""Secrets that people hold: 256 random bits, of which we keep only the SHA-256 digest."""

from __future__ import annotations

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret(prefix: str = "") -> str:
    """Draw a secret of 256 random bits that is safe in an address."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Give the hexadecimal SHA-256 that is stored in place of a secret.

    A plain hash is enough: 256 random bits cannot be guessed, unlike a password.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def matches(secret: str, digest: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return secrets.compare_digest(digest_of(secret), digest)
