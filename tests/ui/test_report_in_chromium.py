"""The page in a real browser: nothing of a call runs, nothing is requested, marks and filters work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.rules.packs import call
from tests.ui.reports import PAYLOADS, hostile_call, judged, page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    items = [
        judged(call("客户：会亏吗", "客服：放心，稳赚不赔的", "客户：好", call_id="甲-1"), 0),
        judged(call("客户：会亏吗", "客服：净值会波动", call_id="乙-2"), 1),
        judged(call("客户：这是什么", "客服：您就当存款放着", call_id="丙-3"), 2),
        judged(hostile_call(), 3, notes=PAYLOADS),
    ]
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(*items), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser(report: Path) -> Iterator[Browser]:
    """Started after the report is made: Playwright keeps an event loop running, in which no other can run."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class Opened:
    """A page that was opened, with all it said and asked for."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.console: list[str] = []
        self.requests: list[str] = []
        self.page: Page = browser.new_page()
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.console.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.page.goto(self.url)

    def quiet(self) -> bool:
        return self.console == [] and self.requests == [self.url]


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    one = Opened(browser, report)
    yield one
    one.page.close()


def visible(opened: Opened) -> list[str]:
    return [h.inner_text() for h in opened.page.locator(".call:not([hidden]) h3").all()]


def test_no_script_of_a_call_runs_and_nothing_is_requested(opened: Opened) -> None:
    assert opened.page.evaluate("window.pwned") is None
    assert opened.page.locator("main img, main svg, main script, main style, main iframe").count() == 0
    assert opened.page.locator("h3").filter(has_text=PAYLOADS[1]).count() == 1
    assert opened.page.get_by_text(PAYLOADS[0]).first.is_visible()
    opened.page.get_by_text("点我").first.click()
    assert opened.page.evaluate("window.pwned") is None
    assert opened.quiet(), (opened.console, opened.requests)


def test_the_content_policy_stops_what_escaping_would_let_through(opened: Opened) -> None:
    opened.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http:' + '//192.0.2.1/x.png'}))")
    opened.page.wait_for_function("document.querySelector('body > img').complete")
    assert any("Content Security Policy" in line for line in opened.console)
    assert opened.page.evaluate("document.querySelector('body > img').naturalWidth") == 0


def test_clicking_a_mark_jumps_to_its_finding(opened: Opened) -> None:
    mark = opened.page.locator(".call", has_text="甲-1").locator("mark").first
    assert mark.inner_text() == "稳赚不赔的"
    target = mark.get_attribute("data-f") or ""
    mark.click()
    assert opened.page.evaluate("decodeURIComponent(location.hash)") == f"#{target}"
    assert opened.page.locator(".finding:target").get_attribute("id") == target
    assert "稳赚不赔" in opened.page.locator(".finding:target blockquote").inner_text()
    assert opened.quiet(), (opened.console, opened.requests)


def test_the_turn_number_in_a_finding_leads_back_to_the_turn(opened: Opened) -> None:
    opened.page.locator(".call", has_text="甲-1").locator(".finding blockquote a").first.click()
    assert "稳赚不赔" in opened.page.locator(".turn:target .say").inner_text()


def test_the_filter_box_hides_other_calls_and_counts_the_rest(opened: Opened) -> None:
    assert len(visible(opened)) == 4
    opened.page.locator("#q").fill("乙-2")
    assert visible(opened) == ["乙-2"]
    assert opened.page.locator("#count").inner_text() == "1 通"
    opened.page.locator("#q").fill("没有这样的话")
    assert visible(opened) == []
    opened.page.locator("#q").fill("")
    assert len(visible(opened)) == 4


def test_the_buttons_keep_calls_with_violations_and_calls_for_review(opened: Opened) -> None:
    opened.page.get_by_role("button", name="违规", exact=True).click()
    assert "甲-1" in visible(opened)
    assert "乙-2" not in visible(opened)
    opened.page.get_by_role("button", name="违规", exact=True).click()
    opened.page.get_by_role("button", name="需复核", exact=True).click()
    assert "丙-3" in visible(opened)
    assert "乙-2" not in visible(opened)
