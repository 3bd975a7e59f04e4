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
        browser.press("Go on")
        browser.wait(lambda: "not the token" in browser.find("#token-error").text, "the refusal of a wrong token")
        browser.press("Go on")
        browser.wait(lambda: not browser.find("#token").is_displayed(), "the question to close")
        browser.wait_for("succeeded")
    finally:
        browser.open(service.url)
        proxy.close()


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
