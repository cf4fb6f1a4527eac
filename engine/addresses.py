"""Which addresses are public, in every spelling, and which ones an operator made an exception for."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CLOSED_V4 = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "168.63.129.16/32",  # public by its number, yet a cloud's metadata service
    )
]  # fmt: skip
OPEN_V6 = ipaddress.ip_network("2000::/3")
CLOSED_V6 = [
    ipaddress.ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments, among them Teredo: it carries another address
        "2001:db8::/32", "2002::/16",  # 6to4 carries another address as well
        "2620:4f:8000::/48", "3fff::/20",
    )
]  # fmt: skip
CARRIERS = [ipaddress.ip_network("::ffff:0:0/96"), ipaddress.ip_network("64:ff9b::/96")]
"""Mapped and NAT64 addresses stand for the IPv4 address in their last 32 bits (a whole IPv6-only network is NAT64)."""
LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan", "intranet")


def parse(host: str) -> Address | None:
    """The address that `host` is a spelling of (`127.1`, `0x7f000001`, `[::1]`, `127.0.0.1.`), or None for a name."""
    host = host.strip("[]")
    try:
        return unwrapped(ipaddress.ip_address(host.split("%")[0] if ":" in host else host.rstrip(".")))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeError, ValueError):
        return None


def unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address):
        for network in CARRIERS:
            if address in network:
                return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    address = unwrapped(address)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in CLOSED_V4)
    return address in OPEN_V6 and not any(address in network for network in CLOSED_V6)


def local_name(host: str) -> bool:
    """A name that only means something inside a machine or a private network."""
    host = host.lower().rstrip(".")
    return any(host == name or host.endswith(f".{name}") for name in LOCAL_NAMES)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Exceptions: by name, by address or network; each for one port or (None) for all."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = field(default=())

    @classmethod
    def read(cls, text: str) -> Allowed:
        """From `host[:port]` and CIDR entries, comma-separated. What cannot be read allows nothing."""
        return cls._of(entry.strip() for entry in text.split(",") if entry.strip())

    @classmethod
    def of_urls(cls, urls: Iterable[str]) -> Allowed:
        entries: list[str] = []
        for url in urls:
            try:
                parts = urlsplit(url)
                port = parts.port or (443 if parts.scheme == "https" else 80)
            except ValueError:
                continue
            if parts.hostname:
                entries.append(f"[{parts.hostname}]:{port}" if ":" in parts.hostname else f"{parts.hostname}:{port}")
        return cls._of(entries)

    @classmethod
    def _of(cls, entries: Iterable[str]) -> Allowed:
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for entry in entries:
            try:
                host, port = _split(entry)
                network = _network(host)
            except ValueError:
                continue
            if network:
                networks.append((network, port))
            else:
                names.add((host.lower().rstrip("."), port))
            if host.lower() == "localhost":
                networks += [(ipaddress.ip_network("127.0.0.1"), port), (ipaddress.ip_network("::1"), port)]
        return cls(frozenset(names), tuple(networks))

    def has(self, host: str, address: Address, port: int) -> bool:
        name = host.lower().rstrip(".").strip("[]")
        if (name, port) in self.names or (name, None) in self.names:
            return True
        address = unwrapped(address)
        return any(_within(address, network) and only in (None, port) for network, only in self.networks)


def _within(address: Address, network: Any) -> bool:
    return address.version == network.version and address in network


def _split(entry: str) -> tuple[str, int | None]:
    """(host, port) of `host`, `host:port`, `[v6]:port`, `v6`, `cidr` and `cidr:port`."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") else None
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, int(port)
    return entry, None


def _network(host: str) -> Network | None:
    if "/" in host:
        return ipaddress.ip_network(host, strict=False)
    address = parse(host)
    return ipaddress.ip_network(address) if address else None
