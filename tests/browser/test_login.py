"""The way in and out, in a real browser that has nothing but what it is given."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.support.waiting import wait_until

from .chromium import PATIENCE
from .conftest import TOKEN

ROOT = "/admin/queues"


@pytest.fixture
def visitor(chromium, site):
    """The browser, without a token and without cookies."""
    chromium.sign_in(site, "")
    chromium.command("Network.setExtraHTTPHeaders", headers={})
    chromium.command("Network.clearBrowserCookies")
    chromium.complaints()
    yield chromium
    chromium.command("Network.clearBrowserCookies")
    chromium.root = ""
    chromium.page.get("about:blank")


def give(visitor, token):
    """Type a token and send the form."""
    page = visitor.page
    field = page.find_element(By.NAME, "token")
    field.clear()
    field.send_keys(token)
    page.find_element(By.CSS_SELECTOR, "button[type=submit]").click()


def seen(visitor, selector):
    """An element, as soon as there is one; found without a script."""
    found = wait_until(lambda: visitor.page.find_elements("css selector", selector), PATIENCE)
    return found[0]


def path_of(visitor):
    """Where the browser is."""
    return visitor.page.current_url.removeprefix(visitor.root)


@pytest.mark.row(154)
def test_in_with_a_token_and_out_again(visitor):
    visitor.open(f"{ROOT}?find=mail")
    assert path_of(visitor).startswith(f"{ROOT}/login?next=")
    give(visitor, TOKEN)
    assert visitor.find("h1, main", "Queue")
    assert path_of(visitor) == f"{ROOT}?find=mail"
    assert visitor.complaints() == []
    visitor.find("form[action$='/logout'] button").click()
    assert visitor.find("label", "Token")
    visitor.page.back()
    visitor.open(ROOT)
    assert visitor.find("label", "Token")


def test_with_the_cookie_alone_one_acts_on_a_queue(visitor, binding):
    """The server takes no change by cookie without the CSRF token, so the page has sent it."""
    queue = binding.queue("emails")
    queue.add("send")
    visitor.open(f"{ROOT}/queue?name=emails")
    give(visitor, TOKEN)
    visitor.find("button[data-do=pause]:not([hidden])").click()
    wait_until(queue.is_paused, PATIENCE, "the queue to be paused")
    visitor.find("button[data-do=resume]:not([hidden])").click()
    wait_until(lambda: not queue.is_paused(), PATIENCE, "the queue to go on")
    assert visitor.complaints() == []


def test_a_wrong_token_is_told_and_can_be_given_again(visitor):
    visitor.open(ROOT)
    give(visitor, "a guess")
    assert visitor.find("[role=alert]", "not valid")
    assert visitor.run("return document.querySelector('#token').value") == ""
    give(visitor, TOKEN)
    assert visitor.find("main", "Queue")
    # The browser itself writes down the status of the refusal.
    assert [each for each in visitor.complaints() if "401" not in each] == []


def test_without_scripts_the_way_in_and_out_is_the_same(visitor):
    visitor.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        visitor.open(ROOT)
        give(visitor, TOKEN)
        seen(visitor, "form[action$='/logout'] button").click()
        assert seen(visitor, "[name=token]")
    finally:
        visitor.command("Emulation.setScriptExecutionDisabled", value=False)


def test_the_login_page_is_used_by_the_keyboard_alone(visitor):
    visitor.open(ROOT)
    wait_until(lambda: visitor.run("return document.activeElement.name") == "token", PATIENCE)
    visitor.page.switch_to.active_element.send_keys(TOKEN + "\n")
    assert visitor.find("main", "Queue")


def test_scripts_see_neither_the_cookie_nor_run_from_the_address(visitor):
    visitor.open(f'{ROOT}/login?next={ROOT}/"><script>document.title="hacked"</script>')
    assert visitor.page.title != "hacked"
    give(visitor, TOKEN)
    assert visitor.find("main", "Queue")
    assert "bullrush=" not in visitor.run("return document.cookie")


def test_a_page_of_another_site_cannot_act_with_the_login(visitor, app):
    """``localhost`` and ``127.0.0.1`` are different sites for a browser."""
    visitor.open(ROOT)
    give(visitor, TOKEN)
    visitor.find("main", "Queue")
    here = visitor.root
    visitor.page.get(here.replace("127.0.0.1", "localhost") + f"{ROOT}/login")
    script = """
        const done = arguments[1];
        fetch(arguments[0], {credentials: "include", method: "POST"})
            .then(() => done("read"), () => done("refused"));
    """
    for path in (f"{ROOT}/logout", "/api/admin/queues"):
        assert visitor.page.execute_async_script(script, here + path) == "refused"
    visitor.page.get(here + ROOT)
    assert visitor.find("main", "Queue")
    visitor.complaints()
