"""One contract for both stores; what only one of them promises comes after it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.documents.files import FileStore, LocalFiles
from engine.errors import NodeError
from engine.settings import BadSetting, Bucket, Settings
from tests.world import s3
from tests.world.s3 import S3
from tests.world.server import Handler, World, closed_port

KEY = "ws1/doc1/1/original.pdf"


def settings(tmp_path: Path, world: S3, **more: str) -> Settings:
    bucket = Bucket(s3.BUCKET, "pre/fix", world.origin, s3.REGION, s3.KEY_ID, s3.SECRET)
    return Settings(data=tmp_path, bucket=replace(bucket, **more))


@pytest.fixture
def world() -> Iterator[S3]:
    with S3() as world:
        yield world


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, world: S3) -> FileStore:
    return FileStore.open(Settings(data=tmp_path) if request.param == "local" else settings(tmp_path, world))


def quick(tmp_path: Path, world: S3, **more: str) -> FileStore:
    """With the patience of a test."""
    from engine.documents.s3 import S3Files

    return S3Files(settings(tmp_path, world, **more), request_s=0.5, retries=1)


def test_what_was_put_is_there(store: FileStore):
    for data in (b"", b"one", bytes(range(256)) * 40_000):
        store.put(KEY, data)
        assert store.get(KEY) == data
        with store.path(KEY) as path:
            assert path.read_bytes() == data
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("act", ["get", "path"])
def test_what_is_not_there_is_missing(store: FileStore, act: str):
    store.put(f"{KEY}x", b"1")
    with pytest.raises(NodeError) as raised:
        store.get(KEY) if act == "get" else store.path(KEY).__enter__()
    assert raised.value.code == "file_missing"


def test_deleting_is_final_and_repeatable(store: FileStore):
    store.put(KEY, b"1")
    for _ in range(2):
        store.delete(KEY)
        with pytest.raises(NodeError, match="gone"):
            store.get(KEY)


def test_a_prefix_takes_what_is_below_it_and_nothing_beside(store: FileStore):
    below = [f"ws1/doc1/{n}" for n in range(8)]
    beside = ["ws1/doc10/1", "ws1/doc", "ws2/doc1/1"]
    for key in [*below, *beside]:
        store.put(key, key.encode())
    for _ in range(2):
        store.delete_prefix("ws1/doc1")
    for key in below:
        with pytest.raises(NodeError, match="gone"):
            store.get(key)
    assert [store.get(key) for key in beside] == [key.encode() for key in beside]
    store.delete_prefix("ws2/doc1/1")
    with pytest.raises(NodeError, match="gone"):
        store.get("ws2/doc1/1")


@pytest.mark.parametrize(
    "key",
    ["", "/", "..", "../x", "a/../b", "a//b", "/etc/passwd", "a/", "a\\b", "a\0", ".hidden", "a/.b", "a b", "ä", "a\n",
     "x" * 101, "/".join("a" * 11), "%2e%2e/x", "~", "C:/x"],
)  # fmt: skip
def test_no_key_leads_out(store: FileStore, key: str):
    for act in (lambda: store.put(key, b"1"), lambda: store.get(key), lambda: store.delete(key),
                lambda: store.delete_prefix(key), lambda: store.path(key).__enter__()):  # fmt: skip
        with pytest.raises(NodeError) as raised:
            act()
        assert raised.value.code == "file_key"


# Files


def test_files_are_private_and_folders_go_when_they_are_empty(tmp_path: Path):
    store = LocalFiles(tmp_path / "files")
    old = os.umask(0)
    try:
        store.put(KEY, b"1")
    finally:
        os.umask(old)
    paths = [tmp_path / "files", *(tmp_path / "files").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    store.delete(KEY)
    assert list((tmp_path / "files").iterdir()) == []


def test_a_reader_sees_the_old_or_the_new_and_never_a_part(tmp_path: Path):
    store = LocalFiles(tmp_path / "files")
    whole = [bytes([n]) * 300_000 for n in range(2)]
    store.put(KEY, whole[0])
    seen: set[bytes] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(store.get(KEY))

    reader = threading.Thread(target=look)
    reader.start()
    for n in range(40):
        store.put(KEY, whole[n % 2])
    stop.set()
    reader.join()
    assert seen <= set(whole)


def test_a_folder_that_somebody_empties_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = LocalFiles(tmp_path / "files")
    make, times = LocalFiles._make, iter(range(3))

    def made_and_removed(self: LocalFiles, folder: Path) -> None:
        make(self, folder)
        if next(times, None) is not None:
            folder.rmdir()

    monkeypatch.setattr(LocalFiles, "_make", made_and_removed)
    store.put(KEY, b"1")
    assert store.get(KEY) == b"1"


def test_many_may_work_in_one_folder(tmp_path: Path):
    store = LocalFiles(tmp_path / "files")

    def work(name: str) -> None:
        for _ in range(100):
            store.put(f"a/b/{name}", name.encode())
            assert store.get(f"a/b/{name}") == name.encode()
            store.delete(f"a/b/{name}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "wxyz"))
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = LocalFiles(tmp_path / "files")
    store.put(KEY, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NodeError) as raised:
        store.put(KEY, b"new")
    monkeypatch.undo()
    assert (raised.value.code, raised.value.retryable) == ("files_full", True)
    assert store.get(KEY) == b"old"
    assert [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()] == ["original.pdf"]


# Buckets


def test_everything_is_below_the_prefix_of_the_bucket(tmp_path: Path, world: S3):
    FileStore.open(settings(tmp_path, world)).put(KEY, b"1")
    assert list(world.objects) == [f"pre/fix/{KEY}"]
    FileStore.open(settings(tmp_path, world, prefix="")).put(KEY, b"1")
    assert KEY in world.objects


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"secret": "other"}, "SignatureDoesNotMatch"), ({"key_id": "other"}, "InvalidAccessKeyId"),
     ({"region": "eu-other-1"}, "AuthorizationHeaderMalformed")],
)  # fmt: skip
def test_a_wrong_key_is_refused_and_never_shown(tmp_path: Path, world: S3, wrong: dict[str, str], code: str):
    with pytest.raises(NodeError, match=code) as raised:
        quick(tmp_path, world, **wrong).put(KEY, b"1")
    fault = raised.value
    assert (fault.code, fault.retryable, world.objects) == ("files_unauthorized", False, {})
    assert "AWS_" in fault.hint
    assert not {"other", s3.SECRET, s3.KEY_ID} & set(str(fault.to_json()).replace("'", " ").split())
    assert s3.SECRET not in str(fault.to_json()) and fault.__cause__ is None and fault.__context__ is None


FAULTS = [
    ("status", {"status": 403, "code": "AccessDenied"}, "files_unauthorized", False),
    ("status", {"status": 500}, "files_unavailable", True),
    ("status", {"status": 503, "code": "SlowDown"}, "files_unavailable", True),
    ("status", {"status": 400, "code": "InvalidRequest"}, "files_unavailable", False),
    ("status", {"status": 404, "code": "NoSuchBucket"}, "files_unavailable", False),
    ("status", {"status": 301, "code": "PermanentRedirect"}, "files_unavailable", False),
    ("slow", {}, "files_timeout", True),
    ("cut", {}, "files_unavailable", True),
]


@pytest.mark.parametrize("act", ["put", "get", "delete", "delete_prefix"])
@pytest.mark.parametrize(("what", "more", "code", "retryable"), FAULTS)
def test_every_fault_of_the_bucket_has_a_type(
    tmp_path: Path, world: S3, act: str, what: str, more: dict, code: str, retryable: bool
):
    store = quick(tmp_path, world)
    store.put(KEY, b"old")
    world.fail(what, times=8, **more)
    with pytest.raises(NodeError) as raised:
        store.put(KEY, b"new") if act == "put" else getattr(store, act)(KEY)
    assert (raised.value.code, raised.value.retryable) == (code, retryable)
    world.faults.clear()
    assert store.get(KEY) == b"old"


@pytest.mark.parametrize(("what", "more"), [("status", {"status": 500}), ("status", {"status": 503}), ("cut", {})])
def test_a_fault_that_passes_is_not_noticed(tmp_path: Path, world: S3, what: str, more: dict):
    store = quick(tmp_path, world)
    for act in (lambda: store.put(KEY, b"1"), lambda: store.get(KEY), lambda: store.delete(KEY)):
        world.fail(what, **more)
        act()
    assert world.objects == {}


def test_an_answer_cut_in_the_middle_is_never_taken_for_the_whole(tmp_path: Path, world: S3):
    store = quick(tmp_path, world)
    data = os.urandom(1_000_000)
    store.put(KEY, data)
    world.fail("half")
    assert store.get(KEY) == data


def test_a_bucket_that_is_not_there_at_all(tmp_path: Path, world: S3):
    with pytest.raises(NodeError) as raised:
        quick(tmp_path, world, endpoint=f"http://127.0.0.1:{closed_port()}").get(KEY)
    assert (raised.value.code, raised.value.retryable) == ("files_unavailable", True)
    with pytest.raises(NodeError, match="no bucket"):
        quick(tmp_path, world, name="other").put(KEY, b"1")


def test_a_download_does_not_stay(tmp_path: Path, world: S3):
    store = FileStore.open(settings(tmp_path, world))
    store.put(KEY, b"1")
    (tmp_path / "tmp").mkdir()
    left = tmp_path / "tmp" / "file-of-somebody-killed"
    left.touch()
    os.utime(left, (0, 0))
    with pytest.raises(ZeroDivisionError), store.path(KEY) as path:
        assert path.parent == tmp_path / "tmp"
        raise ZeroDivisionError
    assert list((tmp_path / "tmp").iterdir()) == []


class Trap(World):
    """What must not be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.headers: set[str] = set()

    def answer(self, call: Handler) -> None:
        self.calls.append(f"{call.command} {call.path}")
        self.headers = {name.lower() for name in call.headers}
        ends = {"Expiration": "2099-01-01T00:00:00Z"}
        call.reply(200, {"AccessKeyId": "x", "SecretAccessKey": "x", "Token": "x", **ends})


LOOKING = """
import os, sys, threading
from pathlib import Path
from engine.documents.files import FileStore
from engine.settings import Settings

seen, stop = set(), threading.Event()

def look():
    last = False
    while not last:
        last = stop.is_set()
        mine = set()
        for fd in os.listdir("/proc/self/fd"):
            try:
                mine.add(os.readlink(f"/proc/self/fd/{fd}"))
            except OSError:
                pass
        for table in ("tcp", "tcp6", "udp", "udp6"):
            for row in Path("/proc/self/net", table).read_text().splitlines()[1:]:
                parts = row.split()
                if f"socket:[{parts[9]}]" in mine:
                    seen.add(parts[2])

thread = threading.Thread(target=look, daemon=True)
thread.start()
store = FileStore.open(Settings.read())
for n in range(50):
    store.put(f"a/{n}", b"1")
    assert store.get(f"a/{n}") == b"1"
store.delete("a/0")
store.delete_prefix("a")
stop.set()
thread.join()
print(*sorted(seen))
"""


def test_nothing_but_the_endpoint_is_asked(tmp_path: Path, world: S3):
    with Trap() as trap:
        env = {
            **os.environ,
            "NEXOD_DATA": str(tmp_path / "data"),
            "NEXOD_FILES": f"s3://{s3.BUCKET}/x",
            "AWS_ENDPOINT_URL": world.origin,
            "AWS_REGION": s3.REGION,
            "AWS_ACCESS_KEY_ID": s3.KEY_ID,
            "AWS_SECRET_ACCESS_KEY": s3.SECRET,
            "AWS_METADATA_ENDPOINT": trap.origin,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{trap.origin}/credentials",
            "AWS_STS_ENDPOINT": trap.origin,
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/etc/hostname",
            "AWS_SKIP_SIGNATURE": "true",
            "AWS_BUCKET": "other",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        }
        root = Path(__file__).resolve().parents[3]
        done = subprocess.run([sys.executable, "-c", LOOKING], env=env, cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [f"0100007F:{world.port:04X}"]
        assert trap.calls == []
        assert {call.split("?")[0].split("/")[1] for _, call in world.calls} == {s3.BUCKET}


def test_settings_win_over_the_environment(tmp_path: Path, world: S3, monkeypatch: pytest.MonkeyPatch):
    with Trap() as trap:
        for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.setenv(name, trap.origin)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, "other")
        store = quick(tmp_path, world)
        store.put(KEY, b"1")
        assert (store.get(KEY), trap.calls) == (b"1", [])


def test_a_redirect_takes_no_key_and_no_content_along(tmp_path: Path, world: S3):
    """Amazon itself redirects, to the region of a bucket; what is signed for one host is not shown to another."""
    with Trap() as trap:
        store = quick(tmp_path, world)
        for act in (lambda: store.put(KEY, b"secret"), lambda: store.get(KEY)):
            world.fail("status", status=307, location=f"{trap.origin}/elsewhere")
            with suppress(NodeError):
                act()
        assert trap.calls in ([], ["GET /elsewhere"])
        assert "authorization" not in trap.headers


# Settings


def read(tmp_path: Path, **env: str) -> Settings:
    return Settings.read({"NEXOD_DATA": str(tmp_path / "data"), **env})


KEYS = {"AWS_ACCESS_KEY_ID": "AKID-1", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_SESSION_TOKEN": "hunter3"}


def test_the_place_of_files_is_a_setting_and_its_keys_are_not_shown(tmp_path: Path):
    assert read(tmp_path).bucket is None
    one = read(tmp_path, NEXOD_FILES="s3://box/a/b/", AWS_ENDPOINT_URL="http://127.0.0.1:9000/", **KEYS)
    assert one.bucket == Bucket("box", "a/b", "http://127.0.0.1:9000", "us-east-1", "AKID-1", "hunter2", "hunter3")
    assert "hunter" not in repr(one) and "AKID-1" not in repr(one)


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_bucket_needs_keys(tmp_path: Path, missing: str):
    with pytest.raises(BadSetting) as raised:
        read(tmp_path, NEXOD_FILES="s3://box", **{name: value for name, value in KEYS.items() if name != missing})
    assert raised.value.variable == missing


@pytest.mark.parametrize(
    "value", ["box", "s3://", "s3://a", "gs://box", "s3://box/../x", "s3://BOX", "s3://u:p@box", "/x"]
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, value: str):
    with pytest.raises(BadSetting) as raised:
        read(tmp_path, NEXOD_FILES=value, **KEYS)
    assert raised.value.variable == "NEXOD_FILES"


def test_opening_a_local_store_loads_no_library_of_buckets():
    code = "import sys; from engine.documents.files import FileStore; from engine.settings import Settings;"
    code += "FileStore.open(Settings()); print([m for m in sys.modules if m.split('.')[0] == 'obstore'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.strip() == "[]", done.stderr
