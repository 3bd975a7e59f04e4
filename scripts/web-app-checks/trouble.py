"""What goes wrong, and what the page says then."""
import json

from accessibility import audit
from common import FACE, check, restored
from server import DisturbingProxy


def problem(status, code, detail):
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
    return {"status": status, "body": json.dumps(body).encode(), "Content_Type": "application/problem+json"}


@check(40)
def text_named_photo_is_refused_on_its_card(browser, service, options):
    browser.expect_statuses(422)
    fake = browser.downloads.parent / "photo.jpg"
    fake.write_text("Dear diary, this is no picture.\n" * 40)
    browser.choose(fake)
    browser.wait_for("failed")
    said = browser.find(".card .notes .error").text
    assert "photo.jpg" in said, f"the card says {said!r}"
    audit(browser, "refused picture")
    if options.screenshots:
        browser.picture(options.screenshots / "refused-desktop-light.png")
    browser.press("Dismiss")
    browser.wait(lambda: browser.find("#empty").is_displayed(), "the invitation")


@check(41)
def markup_in_names_stays_text(browser, service, options):
    browser.expect_statuses(422)
    name = "<img src=x onerror=window.struck=1>.jpg"
    evil = browser.downloads.parent / name
    evil.write_bytes(FACE.read_bytes())
    browser.choose(evil)
    browser.wait_for("succeeded")
    assert browser.find(".card .name").text == name, browser.find(".card .name").text
    assert browser.js("return window.struck") is None, "a script in a name ran"


@check(42)
def empty_file_is_refused_before_it_is_sent(browser, service, options):
    nothing = browser.downloads.parent / "nothing.jpg"
    nothing.touch()
    browser.choose(nothing)
    browser.wait_for("failed")
    assert "empty" in browser.find(".card .notes").text, browser.find(".card .notes").text


@check(43)
def busy_server_is_waited_for(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses(503, 429, 507)
        browser.open(proxy.url)
        for status in (503, 429):
            proxy.answer_once("POST", "/v1/restorations", Retry_After="3",
                              **problem(status, "busy", "The queue is full."))
        browser.choose(FACE)
        browser.wait(lambda: "The queue is full. Trying again in" in browser.find(".card .notes").text, "the reason")
        browser.wait_for("succeeded")
        proxy.answer_once("POST", "/v1/restorations",
                          **problem(507, "disk_full", "The disk is full; remove finished pictures."))
        browser.choose(FACE)
        browser.wait_for("failed")
        assert "The disk is full" in browser.find(".card .notes .error").text, browser.find(".card .notes").text
        browser.press("Try again")
        browser.wait_for("succeeded", 2)
    finally:
        browser.open(service.url)
        proxy.close()


@check(43.5)
def what_waits_in_the_browser_goes_on_by_itself(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses(503, 429, 502, "net::ERR", "Failed to load", "Download error")
        browser.open(proxy.url)
        for status in (503, 502, 429):
            proxy.answer_once("POST", "/v1/restorations", **problem(status, "busy", "The queue is full."))
        proxy.break_off()
        browser.choose(FACE, FACE, FACE)
        waiting = lambda: [card.text for card in browser.cards("uploading")]
        browser.wait(lambda: len(waiting()) == 3 and all("cannot be reached" in text or "broke" in text
                                                         for text in waiting()), "the reason, on every card")
        audit(browser, "waiting")
        browser.settle(4)
        assert not browser.cards("failed"), "given up"
        assert browser.find("#cancel-all").is_enabled(), "what waits cannot be cancelled"
        proxy.mend()
        browser.wait_for("succeeded", 3)
        assert not browser.cards("failed"), "given up"
        assert len(service.restorations()) == 3, f"{len(service.restorations())} at the server"
    finally:
        browser.open(service.url)
        proxy.close()


@check(43.55)
def what_was_not_sent_is_cancelled_with_all(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses("net::ERR", "Failed to load", "Download error")
        browser.open(proxy.url)
        for _ in range(20):
            proxy.answer_once("POST", "/v1/restorations", **problem(503, "busy", "The queue is full."))
        browser.expect_statuses(503)
        browser.choose(FACE, FACE, FACE)
        browser.wait(lambda: len(browser.cards("uploading")) == 3, "three that wait")
        browser.click("#cancel-all")
        assert "not sent yet" in browser.find("#confirm-text").text, browser.find("#confirm-text").text
        browser.press("Cancel them")
        browser.wait(lambda: browser.find("#empty").is_displayed(), "the invitation")
        proxy.planned.clear()
        browser.settle(3)
        assert service.restorations() == [], "sent in spite of it"
    finally:
        browser.open(service.url)
        proxy.close()


@check(43.6)
def lost_answer_does_not_make_two_of_one(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses("net::ERR", "Failed to load", "Download error")
        browser.open(proxy.url)
        proxy.lose_answer("POST", "/v1/restorations")
        browser.choose(FACE)
        browser.wait_for("succeeded")
        posts = [path for method, path in proxy.calls if (method, path) == ("POST", "/v1/restorations")]
        browser.wait(lambda: not browser.cards("uploading"), "the upload to end")
        assert len(posts) >= 2, "not sent again"
        assert len(service.restorations()) == 1 and len(browser.cards()) == 1, "one picture became two"
    finally:
        browser.open(service.url)
        proxy.close()


@check(43.7)
def file_that_went_is_not_waited_for(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses("net::ERR", "Failed to load", "Download error")
        browser.open(proxy.url)
        file = browser.downloads.parent / "gone.jpg"
        file.write_bytes(FACE.read_bytes())
        proxy.break_off()
        browser.choose(file)
        browser.wait(lambda: "Trying again" in browser.find(".card .notes").text, "the picture to wait")
        file.unlink()
        proxy.mend()
        browser.wait_for("failed")
        assert "can no longer be read" in browser.find(".card .notes .error").text, browser.find(".card .notes").text
    finally:
        browser.open(service.url)
        proxy.close()


@check(44)
def lost_connection_is_told_and_mended(browser, service, options):
    restored(browser, FACE)
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses("net::ERR", "Failed to load", "Download error")
        browser.open(proxy.url)
        browser.wait_for("succeeded")
        proxy.break_off()
        browser.wait(lambda: "Connection lost" in browser.find("#connection").text, "the word of the lost connection")
        audit(browser, "lost connection")
        if options.screenshots:
            browser.picture(options.screenshots / "lost-desktop-light.png")
        service.clear()
        proxy.mend()
        browser.wait(lambda: browser.find("#connection").text == "", "the connection", 40)
        browser.wait(lambda: browser.find("#empty").is_displayed(), "what went meanwhile to go from the list")
        browser.choose(FACE)
        browser.wait_for("succeeded")
    finally:
        browser.open(service.url)
        proxy.close()


@check(45)
def token_is_asked_for(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.expect_statuses(401)
        browser.open(proxy.url)
        refusal = problem(401, "unauthorized", "A token is needed.")
        for call in (("POST", "/v1/restorations"), ("GET", "/v1/restorations"), ("POST", "/v1/session")):
            proxy.answer_once(*call, **refusal)
        proxy.answer_once("POST", "/v1/session", 204)
        browser.choose(FACE)
        browser.wait(lambda: browser.find("#token").is_displayed(), "the question for the token")
        audit(browser, "token")
        browser.find("#token-value").send_keys("wrong")
        browser.press("Sign in")
        browser.wait(lambda: "not the token" in browser.find("#token-error").text, "the refusal of a wrong token")
        browser.press("Sign in")
        browser.wait(lambda: not browser.find("#token").is_displayed(), "the question to close")
        browser.wait_for("succeeded")
    finally:
        browser.open(service.url)
        proxy.close()


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
