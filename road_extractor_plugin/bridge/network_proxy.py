"""The proxy in the settings of QGIS, as other programs take it."""

from __future__ import annotations

from urllib.parse import quote

from qgis.core import QgsSettings

_SCHEMES = {"HttpProxy": "http", "HttpCachingProxy": "http", "Socks5Proxy": "socks5"}


def proxy_url() -> str | None:
    """URL of the proxy with user and password; None where QGIS uses none or the system's."""
    settings = QgsSettings()
    scheme = _SCHEMES.get(str(settings.value("proxy/proxyType", "")))
    host = str(settings.value("proxy/proxyHost", "") or "")
    if scheme is None or not host or not settings.value("proxy/proxyEnabled", False, bool):
        return None
    user = quote(str(settings.value("proxy/proxyUser", "") or ""), safe="")
    password = quote(str(settings.value("proxy/proxyPassword", "") or ""), safe="")
    login = f"{user}:{password}@" if user and password else f"{user}@" if user else ""
    port = str(settings.value("proxy/proxyPort", "") or "")
    return f"{scheme}://{login}{host}{':' + port if port else ''}"
