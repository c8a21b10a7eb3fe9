"""The local page in real Chromium, over the real endpoint whose upstream echoes the last user message."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect, sync_playwright

from privet.policy import SETTINGS
from privet.records import KINDS
from privet.serve.posture import WATCHED

ADDRESS = "maria@example.com"
PROMPT = f"Write to {ADDRESS} today"
PASSED = {"ok": True, "at": "2026-01-01T00:00:00Z", "how": "planted"}
FAILED = {"ok": False, "at": "2026-01-01T00:00:00Z", "how": "planted"}
EXCEPTION = {"reason": "planted", "owner": "ops@example.com", "expires": "2027-01-31"}
GONE = json.dumps({"error": {"message": "the upstream is gone", "code": "upstream_failed"}})
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state])"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COUNT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""
CONTRAST = """(selectors) => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const linear = (byte) => byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4;
  const paint = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const backs = (node) => (
    node ? [...backs(node.parentElement), getComputedStyle(node).backgroundColor] : ["white"]);
  const shown = [...document.querySelectorAll(selectors)].filter((node) => node.getClientRects().length);
  return shown.map((node) => {
    const [ink, back] = [paint([...backs(node), getComputedStyle(node).color]), paint(backs(node))];
    return [(Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05), node.textContent.trim().slice(0, 40)];
  });
}"""

Server = tuple[str, str]
Scheme = Literal["light", "dark"]


@dataclass(slots=True)
class Watch:
    """What the browser did: every address it asked for and every script error."""

    addresses: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def elsewhere(self, url: str) -> list[str]:
        """Return the addresses that are not the endpoint's own."""
        return [address for address in self.addresses if not address.startswith(url)]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give one headless Chromium with a fresh profile and home."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("the page tests need a browser: apt-get install chromium")
    environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS), env=environment)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[tuple[Page, Watch]]:
    """Open the page in a fresh context that records what it does."""
    context = browser.new_context(**options)
    context.set_default_timeout(10_000)
    context.add_init_script(COUNT_VIOLATIONS)
    page = context.new_page()
    watch = Watch()

    def note(request: Request) -> None:
        watch.addresses.append(request.url)

    context.on("request", note)
    page.on("pageerror", lambda error: watch.errors.append(str(error)))
    page.goto(url)
    yield page, watch
    page.unroute_all(behavior="ignoreErrors")
    context.close()


@pytest.fixture
def page(chromium: Browser, page_server: Server) -> Iterator[Page]:
    """Give the opened page; afterwards it must have kept to its own origin and its policy."""
    url, _ = page_server
    with opened(chromium, url) as (page, watch):
        yield page
        assert page.evaluate("window.violations") == []
        assert watch.elsewhere(url) == []
        assert watch.errors == []


def connect(page: Page, key: str) -> None:
    """Paste the key and wait until the page has read the models and the posture."""
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#banner-title")).to_contain_text(str(len(WATCHED)))


def send(page: Page, prompt: str) -> None:
    """Send a prompt and wait for the end of the answer."""
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#run-status")).to_contain_text("First words after")


def answer_with(page: Page, *events: str) -> None:
    """Let the page receive these server-sent events as its answer."""
    body = "".join(f"data: {event}\n\n" for event in events)
    page.route("**/v1/chat/completions", lambda route: route.fulfill(content_type="text/event-stream", body=body))


def delta(text: str) -> str:
    """Return one event of a streamed chat answer."""
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]})


def change_posture(page: Page, setting_id: str, **change: object) -> None:
    """Let the page read a posture in which all is well except for this change."""

    def changed(route: Route) -> None:
        posture = route.fetch().json()
        for item in posture["settings"]:
            item.update({"verified": PASSED, "state": "default", "exception": None})
            item.update(change if item["id"] == setting_id else {})
        route.fulfill(json=posture)

    page.route("**/privet/posture", changed)


def test_the_watch_catches_what_it_is_for(chromium: Browser, page_server: Server) -> None:
    url, _ = page_server
    with opened(chromium, url) as (page, watch):
        page.evaluate("document.body.setAttribute('style', 'color: red')")
        page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
        page.evaluate("setTimeout(() => { throw new Error('planted') })")
        page.wait_for_function("window.violations.length === 2")
        page.goto(url.replace("127.0.0.1", "localhost"))
        assert watch.elsewhere(url)
        assert any("planted" in error for error in watch.errors)


def test_page_loads_its_own_files_under_a_strict_policy(chromium: Browser, page_server: Server) -> None:
    url, _ = page_server
    with opened(chromium, url) as (page, watch):
        answer = page.reload(wait_until="networkidle")
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        paths = {address.removeprefix(url.rstrip("/")) for address in watch.addresses}
        assert paths == {"/", "/privet.css", "/privet.js", "/favicon.svg"}
        assert page.evaluate("window.violations") == []


def test_playground_shows_token_to_the_model_and_value_to_the_caller(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    send(page, PROMPT)
    expect(page.locator("#typed .words")).to_have_text(PROMPT)
    expect(page.locator("#saw .words")).to_have_text("Write to [EMAIL_ADDRESS_1] today")
    expect(page.locator("#back .words")).to_contain_text(PROMPT)
    classes = set()
    for side, text in (("#typed", ADDRESS), ("#saw", "[EMAIL_ADDRESS_1]"), ("#back", ADDRESS)):
        mark = page.locator(f"{side} mark")
        expect(mark).to_have_text(text)
        expect(mark).to_have_attribute("data-kind", "EMAIL_ADDRESS")
        classes.add((mark.get_attribute("class") or "").split()[0])
    assert len(classes) == 1, "one kind has one colour on every side"
    expect(page.locator("#legend li")).to_have_text(["EMAIL_ADDRESS1 masked, 1 restored"])


def test_preview_asks_no_model(chromium: Browser, page_server: Server) -> None:
    url, key = page_server
    with opened(chromium, url) as (page, watch):
        connect(page, key)
        page.get_by_label("Prompt", exact=True).fill(PROMPT)
        page.get_by_role("button", name="Preview only").click()
        expect(page.locator("#saw mark")).to_have_text("[EMAIL_ADDRESS_1]")
        expect(page.locator("#back")).to_contain_text("not asked")
        assert not [address for address in watch.addresses if "completions" in address]


def test_marks_cover_exactly_the_identifier(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    for before in (
        "",
        "🙂🙂 ",
        "\ufb01n e\u0301 ",
        "\U0001d510\U0001d51e 👩\u200d👩\u200d👧 ",
        "<b>&amp;</b> ",
        "line\nline\t",
    ):
        send(page, f"{before}{ADDRESS} 🙂 end")
        for side, text in (("#typed", ADDRESS), ("#saw", "[EMAIL_ADDRESS_1]"), ("#back", ADDRESS)):
            expect(page.locator(f"{side} mark")).to_have_text(text)
        assert page.locator("#typed .words").evaluate("(node) => node.textContent") == f"{before}{ADDRESS} 🙂 end"


def test_text_never_becomes_markup(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    prompt = f"<img src=x onerror=alert(1)><script>alert(1)</script> {ADDRESS}"
    send(page, prompt)
    expect(page.locator("#back .words")).to_contain_text(prompt)
    assert page.locator(".sides").evaluate("(node) => node.querySelectorAll('img, script').length") == 0


def test_system_text_is_a_part_of_its_own(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    page.get_by_text("System text (optional)").first.click()
    page.get_by_label("System text").fill("Sign as post@example.com")
    send(page, PROMPT)
    expect(page.locator("#saw .role")).to_have_text(["system", "user"])
    expect(page.locator("#saw mark")).to_have_count(2)


def test_label_of_a_redaction_is_a_pill_unless_the_caller_wrote_it(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    answer_with(page, delta("Call [PHONE_"), delta("NUMBER] or [CREDIT_CARD], [TODO]"), "[DONE]")
    send(page, f"{PROMPT} with [CREDIT_CARD]")
    expect(page.locator("#back mark")).to_have_text(["[PHONE_NUMBER]"])
    pill = page.locator("#back mark.label")
    expect(pill).to_have_attribute("data-kind", "PHONE_NUMBER")
    assert "repeating-linear-gradient" in pill.evaluate("(node) => getComputedStyle(node).backgroundImage")
    expect(page.locator("#legend")).to_contain_text("1 redacted")


def test_value_inside_another_word_is_not_marked(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    answer_with(page, delta(f"x{ADDRESS}x and {ADDRESS}."), "[DONE]")
    send(page, PROMPT)
    expect(page.locator("#back mark")).to_have_count(1)


def test_refusal_shows_message_rule_and_field(page: Page, page_server: Server) -> None:
    def ask_to_store(route: Route) -> None:
        route.continue_(post_data=json.dumps({**json.loads(route.request.post_data or ""), "store": True}))

    connect(page, page_server[1])
    page.route("**/v1/chat/completions", ask_to_store)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_role("button", name="Send").click()
    problem = page.get_by_role("alert").filter(has_text="Refused")
    expect(problem).to_contain_text("privacy_refused")
    expect(problem.locator("dl div").filter(has_text="field")).to_contain_text("store")
    expect(problem.locator(".message")).not_to_be_empty()
    expect(page.locator("#back")).to_have_text("Nothing came back.")
    page.get_by_role("tab", name="Posture").click()
    expect(page.locator("#refused li[data-name]").first).to_be_visible()


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([delta("Half an "), GONE], "the upstream is gone"),
        ([delta("Half an ")], "the answer was cut before its end"),
        ([delta("Half an "), "{no json"], "the answer could not be read"),
    ],
    ids=["error-event", "no-done", "broken-event"],
)
def test_answer_that_breaks_off_keeps_its_beginning(
    page: Page, page_server: Server, events: list[str], message: str
) -> None:
    connect(page, page_server[1])
    answer_with(page, *events)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#problem")).to_contain_text(message)
    expect(page.locator("#back .words")).to_have_text("Half an ")
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_stop_ends_the_request(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    page.route("**/v1/chat/completions", lambda _: None)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#run-status")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Send")).to_be_focused()


@pytest.mark.parametrize("key", ["pvt-wrong", "two words", "ключ", ""])
def test_wrong_key_is_refused_readably(page: Page, key: str) -> None:
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#key-alert")).to_contain_text("key")
    expect(page.get_by_label("API key", exact=True)).to_be_focused()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("")


def test_endpoint_that_is_gone_is_told(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    page.route("**/privet/**", lambda route: route.abort())
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#banner")).to_contain_text("does not answer")


def test_everything_works_from_the_keyboard(page: Page, page_server: Server) -> None:
    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.className"))

    press = page.keyboard.press
    order = []
    for _ in range(4):
        press("Tab")
        order.append(focused())
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert order == ["skip", "tab-playground", "key", "connect-button"]
    press("Shift+Tab")
    page.keyboard.type(page_server[1])
    press("Enter")
    expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
    page.keyboard.type(PROMPT)
    press("Control+Enter")
    expect(page.locator("#back mark")).to_have_text(ADDRESS)
    while focused() != "tab-playground":
        press("Shift+Tab")
    press("ArrowRight")
    assert focused() == "tab-posture"
    expect(page.get_by_role("tabpanel", name="Posture")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Playground")).to_be_hidden()


def test_example_holds_only_reserved_data_and_is_masked(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    page.get_by_role("button", name="Try an example").click()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#saw mark").first).to_be_visible()
    kinds = {mark.get_attribute("data-kind") for mark in page.locator("#saw mark").all()}
    assert {"EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IP_ADDRESS"} <= kinds


def test_posture_has_a_verified_row_for_every_setting(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    with page.expect_response("**/privet/verify", timeout=30_000) as answer:
        page.get_by_role("button", name="Verify now").click()
    assert answer.value.ok
    expect(page.locator("#banner-title")).to_have_text(f"All {len(WATCHED)} protections verified")
    page.get_by_role("tab", name="Posture").click()
    rows = page.locator("tr[data-setting]")
    assert [row.get_attribute("data-setting") for row in rows.all()] == list(WATCHED)
    for row, known in zip(rows.all(), (SETTINGS[name] for name in WATCHED), strict=True):
        assert row.locator(".says").text_content() == known.says
        assert row.locator(".check.pass time").count() == 1


def test_posture_counts_what_was_masked(page: Page, page_server: Server) -> None:
    connect(page, page_server[1])
    count = "Number(document.querySelector('#masked li[data-name=EMAIL_ADDRESS] b')?.textContent ?? 0)"
    before = page.evaluate(count)
    send(page, PROMPT)
    page.get_by_role("tab", name="Posture").click()
    page.wait_for_function(f"{count} > {before}")
    expect(page.locator("#tiles")).to_contain_text("up for")


@pytest.mark.parametrize(
    ("change", "title", "badge"),
    [
        ({"verified": FAILED}, "1 of {} protections failed", "on"),
        ({"verified": None}, "{} of {} protections verified", "on"),
        ({"state": "tightened"}, "All {} protections verified", "tightened"),
        (
            {"state": "exception", "exception": EXCEPTION},
            "All {} protections verified, 1 weakened by exception",
            "weakened",
        ),
    ],
    ids=["failed", "untested", "tightened", "exception"],
)
def test_banner_says_what_is_not_as_it_should_be(
    page: Page, page_server: Server, change: dict[str, object], title: str, badge: str
) -> None:
    change_posture(page, "serve.max_choices", **change)
    connect(page, page_server[1])
    counts = (len(WATCHED) - 1, len(WATCHED)) if title.startswith("{}") else (len(WATCHED),)
    expect(page.locator("#banner-title")).to_have_text(title.format(*counts))
    page.get_by_role("tab", name="Posture").click()
    row = page.locator('tr[data-setting="serve.max_choices"]')
    expect(row.locator(".badge")).to_have_text(badge)
    if badge == "weakened":
        expect(row).to_contain_text("(ops@example.com, until 2027-01-31)")


def test_key_is_kept_in_memory_only(page: Page, page_server: Server) -> None:
    key = page_server[1]
    connect(page, key)
    send(page, PROMPT)
    stored = page.evaluate(STORED)
    assert json.loads(stored)[:3] == [{}, {}, ""]
    assert key not in stored
    assert page.context.storage_state() == {"cookies": [], "origins": []}
    assert key not in page.content()
    assert page.locator("#key").input_value() == ""
    assert page.evaluate("(key) => !Object.values(window).includes(key)", key)
    page.reload()
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Forget key").click()
    expect(page.get_by_label("API key", exact=True)).to_be_focused()


def test_fields_are_not_remembered_or_checked_by_the_browser(page: Page) -> None:
    for name in ("key", "prompt", "system"):
        box = page.locator(f"#{name}")
        expect(box).to_have_attribute("autocomplete", "off")
        expect(box).to_have_attribute("spellcheck", "false")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_contrast(chromium: Browser, page_server: Server, scheme: Scheme) -> None:
    url, key = page_server
    with opened(chromium, url, color_scheme=scheme) as (page, _):
        connect(page, key)
        answer_with(page, delta(" ".join(f"[{kind}]" for kind in KINDS)), "[DONE]")
        send(page, PROMPT)
        readings = page.evaluate(CONTRAST, "mark, p, li b, li span, label, button, summary, select, h2, .where")
        page.get_by_role("tab", name="Posture").click()
        readings += page.evaluate(CONTRAST, "th, td, code, p, h2, dt, dd, time, .badge, .check, li, caption, button")
        assert len(readings) > len(KINDS) + len(WATCHED)
        assert [reading for reading in readings if reading[0] < 4.5] == []  # WCAG 2.2, 1.4.3 (AA)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_and_follows_the_scheme(
    chromium: Browser, page_server: Server, tmp_path: Path, scheme: Scheme, width: int
) -> None:
    url, key = page_server
    with opened(chromium, url, color_scheme=scheme, viewport={"width": width, "height": 900}) as (page, _):
        connect(page, key)
        page.get_by_role("button", name="Try an example").click()
        page.keyboard.press("Control+Enter")
        expect(page.locator("#run-status")).to_contain_text("First words after")
        for tab in ("Playground", "Posture"):
            page.get_by_role("tab", name=tab).click()
            shot = tmp_path / f"{tab.lower()}-{scheme}-{width}.png"
            page.screenshot(path=shot, full_page=True)
            assert shot.stat().st_size
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
        assert (red > 127) == (scheme == "light")


def test_nothing_moves_where_motion_is_unwanted(chromium: Browser, page_server: Server) -> None:
    caret = (
        "document.querySelector('.empty').classList.add('streaming');"
        "getComputedStyle(document.querySelector('.streaming'), '::after').animationName"
    )
    url, _ = page_server
    with opened(chromium, url) as (page, _):
        assert page.evaluate(caret) == "blink"
    with opened(chromium, url, reduced_motion="reduce") as (page, _):
        assert page.evaluate(caret) == "none"
