"""The servers that other tests rely on are real."""

from __future__ import annotations

import psycopg
import pytest
import redis

from config.tests import servers


@pytest.mark.postgres
def test_postgres_creates_databases_and_skips_locked_rows() -> None:
    with servers.postgres() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE another")
        connection.execute("CREATE TABLE t (n int)")
        connection.execute("INSERT INTO t VALUES (1), (2)")
        with psycopg.connect(url) as other:
            other.execute("SELECT n FROM t WHERE n = 1 FOR UPDATE")
            rows = connection.execute("SELECT n FROM t FOR UPDATE SKIP LOCKED").fetchall()

    assert rows == [(2,)]


@pytest.mark.broker
def test_valkey_answers_and_is_gone_afterwards() -> None:
    with servers.valkey() as url:
        client = redis.Redis.from_url(url)
        client.set("a", "b")
        assert client.get("a") == b"b"

    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()
