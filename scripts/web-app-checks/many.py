"""Long lists and long queues: what is far from the top, and all at once."""
import contextlib
import urllib.error

from accessibility import audit, expect_keyboard_reaches_everything
from common import BEE, FACE, check, restored
from server import DisturbingProxy
from use import png

# Counts cards that go.
WATCH = """
window.gone = 0;
new MutationObserver((changes) => { for (const { removedNodes } of changes) gone += removedNodes.length; })
  .observe(document.getElementById("cards"), { childList: true });
"""


@check(30)
def older_ones_come_on_request_and_none_goes_by_mistake(browser, service, options):
    service.upload("running.jpg", BEE.read_bytes())
    browser.wait_for("running")
    tiny = png(16, 12)
    for number in range(230):
        made = service.upload(f"tiny-{number}.png", tiny)
        # What waits is told of from the beginning, so that it must not wait; it may have ended by itself.
        with contextlib.suppress(urllib.error.HTTPError):
            service.call(f"/v1/restorations/{made['id']}/cancel", "POST")
    browser.open(browser.url)
    browser.wait(lambda: len(browser.cards()) in (100, 101), "the newest ones and the one that runs")
    names = lambda: browser.js("return [...document.querySelectorAll('.card .name')].map((name) => name.textContent)")
    assert "running.jpg" in names() or service.restorations()[-1]["state"] != "running", "the running one is not shown"
    assert browser.find("#more").is_displayed(), "nothing offers the older ones"
    if browser.find("#running").is_displayed():
        browser.click("#running")
        card = browser.js("return document.activeElement.closest('.card')?.querySelector('.name').textContent")
        assert card == "running.jpg", f"the way to what runs leads to {card}"
    audit(browser, "a part of the list")
    while browser.find("#more").is_displayed():
        before = len(browser.cards())
        browser.click("#more")
        browser.wait(lambda: len(browser.cards()) > before, "older ones")
    assert len(browser.cards()) == 231, f"{len(browser.cards())} cards"
    assert names()[0] == "tiny-229.png" and names()[-1] == "running.jpg", f"{names()[:2]} to {names()[-2:]}"

    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses("net::ERR", "Failed to load", "Download error")
        browser.open(proxy.url)
        for _ in range(2):
            before = len(browser.cards())
            browser.click("#more")
            browser.wait(lambda: len(browser.cards()) > before, "older ones through the proxy")
        browser.js(WATCH)
        reached = len(browser.cards())
        proxy.break_off()
        browser.wait(lambda: "Connection lost" in browser.find("#connection").text, "the word of the lost connection")
        removed = next(one for one in service.restorations() if one["name"] == "tiny-20.png")
        service.call(f"/v1/restorations/{removed['id']}", "DELETE")
        proxy.mend()
        browser.wait(lambda: "tiny-20.png" not in names(), "what went meanwhile to go from the list", 40)
        browser.settle(1)
        assert browser.js("return gone") == 1, f"{browser.js('return gone')} cards went, not one"
        assert len(browser.cards()) == reached - 1, f"{len(browser.cards())} cards of {reached}"
    finally:
        browser.open(service.url)
        proxy.close()


@check(31)
def places_in_the_queue_are_live(browser, service, options):
    service.upload("first.jpg", BEE.read_bytes())
    browser.wait_for("running")
    ids = [service.upload(f"{name}.jpg", FACE.read_bytes())["id"] for name in ("second", "third", "fourth")]
    places = lambda: {card.find_element("class name", "name").text: card.find_element("class name", "standing").text
                      for card in browser.cards("queued")}
    browser.wait(lambda: places() == {"second.jpg": "Next in the queue", "third.jpg": "Number 2 in the queue",
                                      "fourth.jpg": "Number 3 in the queue"}, "the places")
    browser.wait(lambda: ", 3 waiting - NSARM" in browser.driver.title, "how many wait, in the title")
    assert "1 running, 3 waiting" in browser.find("#summary").text, browser.find("#summary").text
    browser.all(".card .thumb")[0].click()
    browser.wait(lambda: "Number 3 in the queue" in browser.find("#viewer-status").text, "the place in the viewer")
    service.call(f"/v1/restorations/{ids[0]}/cancel", "POST")
    browser.wait(lambda: "Number 2 in the queue" in browser.find("#viewer-status").text, "the next place in the viewer")
    browser.wait(lambda: "Number 2 in the queue" in browser.find("#stage-note").text, "the place on the stage")
    browser.click("#close")
    browser.wait(lambda: places() == {"third.jpg": "Next in the queue", "fourth.jpg": "Number 2 in the queue"},
                 "the places after one went")
    browser.wait(lambda: ", 2 waiting - NSARM" in browser.driver.title, "how many wait, in the title")


@check(32)
def all_are_cancelled_and_all_are_tried_again(browser, service, options):
    browser.expect_statuses(422)
    assert not browser.find("#cancel-all").is_enabled() and not browser.find("#retry-all").is_enabled(), "nothing to do"
    fake = browser.downloads.parent / "photo.jpg"
    fake.write_text("Dear diary, this is no picture.\n" * 40)
    browser.choose(fake)
    browser.wait_for("failed")
    browser.choose(BEE, FACE, FACE)
    browser.wait_for("running")
    browser.wait_for("queued", 2)
    browser.click("#cancel-all")
    audit(browser, "question whether to cancel all")
    assert "3 pictures" in browser.find("#confirm-title").text, browser.find("#confirm-title").text
    browser.press("Cancel them")
    browser.wait_for("cancelled", 3)
    assert service.states() == ["cancelled"] * 3, service.states()
    browser.wait(lambda: "running" not in browser.find("#summary").text, "word that nothing runs")
    expect_keyboard_reaches_everything(browser, "cancelled")
    browser.click("#retry-all")
    browser.wait(lambda: "queued" in service.states() or "running" in service.states(), "work to begin again")
    browser.wait_for("failed", 1)
    browser.wait_for("succeeded", 3)
    assert len(service.restorations()) == 3, "tried again as others"


@check(33)
def stopping_is_told(browser, service, options):
    browser.choose(BEE)
    browser.wait_for("running")
    browser.js("""
      window.said = new Set();
      new MutationObserver(() => { for (const line of document.querySelectorAll(".standing")) said.add(line.textContent); })
        .observe(document.getElementById("cards"), { subtree: true, childList: true, characterData: true });""")
    browser.press("Cancel insect")
    browser.wait_for("cancelled")
    said = browser.js("return [...said]")
    assert "Stopping…" in said, f"the card said {said}"


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
