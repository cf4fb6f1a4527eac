"""What one web process holds while it serves: settings, database, doorbell, and the tailer that watches runs."""

from __future__ import annotations

from functools import cached_property

from engine.bell import Bell
from engine.limiter import Limiter
from engine.queue import Queue
from engine.services import doorbell
from engine.settings import Settings
from engine.store.database import Database
from nexod_app.tailer import Tailer


class Site:
    """Everything opens at its first use: importing the app, as the build of the page does, touches nothing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def db(self) -> Database:
        db = Database.open(self.settings.database_url)
        doorbell.hang(db, Queue.open(self.settings))
        return db

    @cached_property
    def tailer(self) -> Tailer:
        """Belongs to the event loop that first asks for it."""
        return Tailer(self.db, Bell.open(self.settings, self.db))

    @cached_property
    def sign_ins(self) -> Limiter:
        return Limiter.open(self.settings)

    async def close(self) -> None:
        if "tailer" in self.__dict__:
            await self.tailer.close()
        if "db" in self.__dict__:
            self.db.close()


_current: Site | None = None


def current() -> Site:
    """The site of this process, as page handlers find it."""
    global _current
    if _current is None:
        _current = Site(Settings.read())
    return _current


def use(site: Site) -> None:
    global _current
    _current = site
