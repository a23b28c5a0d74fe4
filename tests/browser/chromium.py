"""A real browser without a window, and the pages that are looked at with it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from bullrush.flask_ext.dashboard.board import KEY
from tests.support.waiting import wait_until
from tests.support.web_server import serving

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
#: s that a page may take on a busy machine.
PATIENCE = 30.0


def require_chromium() -> tuple[str, str]:
    """(browser, driver), or the test fails with what to do."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.fail("no chromium: install chromium and chromium-driver, or run make chromium")
    return browser, driver


class Browser:
    """A browser that counts what goes wrong in a page.

    Args:
        width, height: of its window.
    """

    def __init__(self, width: int = 1440, height: int = 900) -> None:
        program, driver = require_chromium()
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = program
        flags = (f"--window-size={width},{height}", f"--user-data-dir={self._profile.name}")
        for flag in (*_FLAGS, *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.page = webdriver.Chrome(options=options, service=Service(driver))
        self.page.set_page_load_timeout(PATIENCE)
        self.root = ""

    def sign_in(self, root: str, token: str) -> None:
        """Send the token with every request to come, and start every path at `root`."""
        self.root = root
        self.command("Network.enable")
        self.command("Network.setExtraHTTPHeaders", headers={"Authorization": f"Bearer {token}"})

    def command(self, name: str, **values: Any) -> Any:
        """A command of the browser's own protocol."""
        return self.page.execute_cdp_cmd(name, values)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.get(self.root + path)

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a CSS selector finds now."""
        return self.page.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str, text: str = "") -> WebElement:
        """The first such element with that text in it, as soon as there is one."""
        return wait_until(lambda: self._found(selector, text), PATIENCE, f"{selector} {text}")

    def click(self, selector: str, text: str = "") -> None:
        """Click the first such element. Another may come into its place at any moment."""

        def clicked() -> bool:
            found = self._found(selector, text)
            if found is None:
                return False
            try:
                found.click()
            except (StaleElementReferenceException, ElementClickInterceptedException):
                return False
            return True

        wait_until(clicked, PATIENCE, f"{selector} {text}")

    def _found(self, selector: str, text: str) -> WebElement | None:
        script = (
            "return [...document.querySelectorAll(arguments[0])]"
            ".find((each) => each.textContent.includes(arguments[1])) || null"
        )
        found: WebElement | None = self.page.execute_script(script, selector, text)
        return found

    def text(self, selector: str = "main") -> str:
        """The text of the first such element as it is now; empty without one."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.page.execute_script(script, selector))

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self.page.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """What the page wrote to the console since the last call."""
        return [f"{each['level']}: {each['message']}" for each in self.page.get_log("browser")]

    def close(self) -> None:
        """End it."""
        self.page.quit()
        self._profile.cleanup()


@contextmanager
def served(app: Flask, threads: int = 24) -> Iterator[str]:
    """The application behind a real server; gives where it starts."""
    with serving(app, threads) as (host, port):
        try:
            yield f"http://{host}:{port}"
        finally:
            collector = app.extensions[KEY].collector
            collector.close()
            wait_until(lambda: not collector.listeners, PATIENCE, "the end of all streams")


def pictures() -> Path | None:
    """Where screenshots go, when somebody wants them."""
    folder = os.environ.get("BULLRUSH_SCREENSHOTS")
    return Path(folder) if folder else None
