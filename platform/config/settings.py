"""All settings, every value from the environment (docs/operations.md lists them)."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.env import (
    env_bool,
    env_choice,
    env_int,
    env_list,
    env_path,
    env_rate,
    env_str,
    env_url,
)

BASE_DIR = Path(__file__).resolve().parent.parent.parent

LARDER_VERSION = "0.1.0"
LARDER_ENV = env_choice("LARDER_ENV", "local", ("local", "production"))
IS_PRODUCTION = LARDER_ENV == "production"
DEBUG = env_bool("LARDER_DEBUG", default=False)
if DEBUG and IS_PRODUCTION:
    raise ImproperlyConfigured("LARDER_DEBUG: production never shows its insides; leave it unset.")
DATA_DIR = env_path("LARDER_DATA", BASE_DIR / "var")
VECTOR_CACHE_DIR = env_path("LARDER_VECTOR_CACHE", DATA_DIR / "cache" / "vectors")
PORT = env_int("LARDER_PORT", 8000, low=1, high=65535)
PUBLIC_URL = env_url("LARDER_PUBLIC_URL", f"http://127.0.0.1:{PORT}")
MIN_SECRET_LENGTH = 40


def _write_secret(path: Path) -> None:
    """Write a new secret whole: of processes that start together, one wins and all read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        with suppress(FileExistsError):
            path.hardlink_to(file.name)


def _secret_key() -> str:
    """Read SECRET_KEY; on one local machine, make it once and keep it in the data folder."""
    given = env_str("SECRET_KEY", "")
    if given:
        if IS_PRODUCTION and (len(given) < MIN_SECRET_LENGTH or "change" in given.lower()):
            raise ImproperlyConfigured(
                f"SECRET_KEY: expected at least {MIN_SECRET_LENGTH} random characters, "
                "not a default. Make one with: python -c 'import secrets; "
                "print(secrets.token_urlsafe(50))'"
            )
        return given
    if IS_PRODUCTION:
        raise ImproperlyConfigured("SECRET_KEY is not set; production never makes up its own.")
    path = DATA_DIR / "secret_key"
    try:
        if not path.exists():
            _write_secret(path)
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise ImproperlyConfigured(
            f"LARDER_DATA={DATA_DIR}: cannot write there ({error})."
        ) from None


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env_list(
    "LARDER_ALLOWED_HOSTS", ["127.0.0.1", "localhost", urlsplit(PUBLIC_URL).hostname or ""]
)
CSRF_TRUSTED_ORIGINS = env_list("LARDER_TRUSTED_ORIGINS", [PUBLIC_URL])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "labeling",
    "ml",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -----------------------------------------------------------------------------
DATABASE_URL = env_str("DATABASE_URL", f"sqlite:///{DATA_DIR}/larder.sqlite3")
try:
    DATABASES: dict[str, dict[str, Any]] = {"default": {**dj_database_url.parse(DATABASE_URL)}}
except (ValueError, dj_database_url.UnknownSchemeError):
    raise ImproperlyConfigured(
        "DATABASE_URL: expected postgres://user:password@host/name or sqlite:///path."
    ) from None
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    if IS_PRODUCTION:
        raise ImproperlyConfigured("DATABASE_URL: production needs PostgreSQL, not SQLite.")
    # A connection of its own for each thread, kept: opening one costs more than an answer does.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    # Deferred transactions that turn into writers are what "database is locked" comes from.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA cache_size=-20000; PRAGMA mmap_size=134217728;"
        ),
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 24}
    # Django switches preparing off. So high, only what asks for it is prepared: what each answer
    # runs (labeling.selectors.prepared). A pooler between must keep prepared statements.
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 1_000_000
    DATABASES["default"]["CONN_MAX_AGE"] = 0
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# --- Broker and cache ---------------------------------------------------------------------
LONGEST_SOCKET_PATH = 100  # 104 bytes on macOS, 108 on Linux, the closing zero included


def _socket() -> Path:
    """Where the broker of one machine listens; beside the temporary files if that is too long."""
    path = DATA_DIR / "run" / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(DATA_DIR)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"larder-{os.getuid()}-{digest}" / "valkey.sock"


REDIS_URL = env_str("REDIS_URL", f"unix://{quote(str(_socket()))}")
if not REDIS_URL.startswith(("unix://", "redis://", "rediss://", "memory://")):
    raise ImproperlyConfigured("REDIS_URL: expected redis://, rediss:// or unix://.")
if REDIS_URL.startswith("memory://") and IS_PRODUCTION:
    raise ImproperlyConfigured("REDIS_URL=memory:// is for simulations inside one process.")
# A broker that hangs is worse than one that is dead: nobody waits for it longer than this.
BROKER_PATIENCE_S = 1.0
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "larder",
        "OPTIONS": {
            "socket_timeout": BROKER_PATIENCE_S,
            "socket_connect_timeout": BROKER_PATIENCE_S,
        },
    }
}
if REDIS_URL.startswith("memory://"):
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)

# --- Accounts -----------------------------------------------------------------------------
AUTH_USER_MODEL = "labeling.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/staff/"
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
IS_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if IS_HTTPS else 0
if env_bool("LARDER_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- Static files and images --------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
FRONTEND_DIR = env_path("LARDER_FRONTEND", BASE_DIR / "frontend" / "dist")
STATICFILES_DIRS = [FRONTEND_DIR] if FRONTEND_DIR.is_dir() else []
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+[.-][0-9A-Za-z_-]{8,12}\..+$"
S3_BUCKET = env_str("LARDER_S3_BUCKET", "")
if S3_BUCKET:
    from botocore.config import Config

    _default_storage = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env_str("LARDER_S3_ENDPOINT", "") or None,
            "region_name": env_str("LARDER_S3_REGION", "") or None,
            "querystring_auth": True,
            "file_overwrite": False,
            # Checksums that S3-compatible servers do not know broke uploads in boto3 1.36.
            "client_config": Config(
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
            ),
        },
    }
else:
    _default_storage = {
        "BACKEND": "config.storage.LocalStorage",
        "OPTIONS": {"location": str(DATA_DIR / "files")},
    }
STORAGES = {
    "default": _default_storage,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
MAX_UPLOAD_BYTES = 1024 * 1024 * env_int("LARDER_MAX_UPLOAD_MB", 25, low=1, high=500)
MAX_IMAGE_PIXELS = 1_000_000 * env_int("LARDER_MAX_MEGAPIXELS", 40, low=1, high=500)
STORED_IMAGE_PX = env_int("LARDER_STORED_IMAGE_PX", 1280, low=256, high=8192)
THUMBNAIL_PX = 320
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 200
PREDICTION_DAYS = env_int("LARDER_PREDICTION_DAYS", 90, low=0, high=36500)
ORT_THREADS = env_int("LARDER_ORT_THREADS", 2, low=1, high=256)
DEMO_IMAGES = env_path("LARDER_DEMO_IMAGES", Path()) if env_str("LARDER_DEMO_IMAGES", "") else None
BACKBONE = env_str("LARDER_BACKBONE", "efficientnet-lite0")
BACKBONE_DIR = env_path("LARDER_BACKBONE_DIR", DATA_DIR / "backbones")
CORE_TIME_DIR: Path | None = None  # `config.settings_core_time` counts core-seconds there

# --- API ----------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "labeling.api.authentication.TokenAuthentication",
        "labeling.api.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "labeling.api.parsers.SoundJSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "config.errors.exception_handler",
    "DEFAULT_THROTTLE_RATES": {
        "login": env_rate("LARDER_RATE_LOGIN", "10/min"),
        "join": env_rate("LARDER_RATE_JOIN", "60/min"),
        "predict": env_rate("LARDER_RATE_PREDICT", "600/min"),
        "upload": env_rate("LARDER_RATE_UPLOAD", "600/min"),
        "message": env_rate("LARDER_RATE_MESSAGE", "10/hour"),
    },
    "NUM_PROXIES": env_int("LARDER_PROXIES", 0, low=0, high=9),
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Larder",
    "DESCRIPTION": "Label images together; the classifier learns while you do.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AnswerKindEnum": "labeling.api.queue_payloads.ANSWERS",
        "AdjudicationKindEnum": "labeling.api.queue_payloads.ADJUDICATIONS",
        "SettledKindEnum": "labeling.api.review.SETTLED_BY",
        "FlagReasonEnum": "labeling.models.FlagReason",
        "ModeEnum": "labeling.models.Mode",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "filters": {"refused": {"()": "config.refusals.Refused"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refused"],
        }
    },
    "root": {
        "handlers": ["console"],
        "level": env_choice("LARDER_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
}
