"""How the page looks in both appearances and at all widths, and whether everybody can use it."""
from accessibility import audit, expect_keyboard_reaches_everything, expect_nothing_cut_off
from browser import DESKTOP, PHONE
from common import BEE, FACE, check, open_viewer, restored, select

WIDTHS = (320, 360, 390, 600, 768, 861, 1080, 1280, 1440, 2560)
SIZES = ((320, 640), (360, 740), (768, 1024), (1280, 800))
VIEWS = [(size, theme) for size in SIZES for theme in ("light", "dark")]
FONTS = ("Roboto", "DejaVu Sans")


def each_view(browser, options, name):
    """Every view of what is to be seen now, audited and kept."""
    for size, theme in VIEWS:
        browser.look(size, theme)
        browser.settle()
        what = f"{name}-{size[0]}-{theme}"
        audit(browser, what)
        expect_nothing_cut_off(browser, what)
        if options.screenshots:
            browser.picture(options.screenshots / f"{what}.png")
    browser.look(DESKTOP, "light")


def each_font(browser, what):
    """On the narrowest phones, in fonts of ordinary and of great width."""
    for font in FONTS:
        browser.js("document.documentElement.style.fontFamily = arguments[0]", font)
        for size, theme in VIEWS:
            if size[0] <= 360:
                browser.look(size, theme)
                browser.settle(0.1)
                expect_nothing_cut_off(browser, f"{what}, {size[0]} pixels, {font}, {theme}")
    browser.js("document.documentElement.style.fontFamily = ''")
    browser.look(DESKTOP, "light")


@check(10)
def invitation_in_every_view(browser, service, options):
    each_view(browser, options, "empty")
    each_font(browser, "empty")
    expect_keyboard_reaches_everything(browser, "empty")


@check(11)
def settings_on_a_phone_open_and_close(browser, service, options):
    browser.look(PHONE, "light")
    assert not browser.find("#settings").is_displayed(), "the settings are open at first"
    browser.click("#settings-toggle")
    assert browser.find("#settings").is_displayed(), "the settings do not open"
    audit(browser, "settings on a phone")
    if options.screenshots:
        browser.picture(options.screenshots / "settings-phone-light.png")
    browser.click("#settings-toggle")
    assert not browser.find("#settings").is_displayed(), "the settings do not close"


@check(11.5)
def models_in_every_view(browser, service, options):
    models = service.call("/v1/service")["models"]
    if len(models) == 1:
        return
    model = next((model for model in models if model["hasDial"]), models[0])
    select(browser, "model", model["name"])
    browser.js("document.getElementById('settings-toggle').setAttribute('aria-expanded', 'true')")  # on a phone
    each_view(browser, options, "settings")
    each_font(browser, "settings")
    expect_keyboard_reaches_everything(browser, "models")


@check(12)
def working_and_finished_in_every_view(browser, service, options):
    browser.expect_statuses(422)
    fake = browser.downloads.parent / "portrait-of-my-grandmother.jpg"
    fake.write_text("Dear diary, this is no picture.\n" * 40)
    browser.choose(FACE)
    browser.wait_for("succeeded")
    browser.choose(fake)
    browser.wait_for("failed")
    browser.choose(BEE, BEE, FACE)
    browser.wait_for("running")
    if service.draws:
        browser.wait(lambda: "preview?v=" in browser.find('.card[data-state="running"] img').get_attribute("src"),
                     "preview of the running picture")
    # A slow machine shows all four; on a fast one the picture may be done before the last.
    each_view(browser, options, "working")
    browser.wait_for("succeeded", 4)
    each_view(browser, options, "finished")
    each_font(browser, "finished")
    expect_keyboard_reaches_everything(browser, "list")
    shift = browser.js("return witness.shift")
    assert shift < 0.1, f"the layout jumps: {shift:.3f}"


@check(13)
def viewer_in_every_view(browser, service, options):
    restored(browser, FACE, FACE)
    open_viewer(browser)
    each_view(browser, options, "viewer")
    each_font(browser, "viewer")
    expect_keyboard_reaches_everything(browser, "viewer")
    browser.click("#sides")
    each_view(browser, options, "side-by-side")


@check(14)
def nothing_is_wider_than_the_window_or_cut_off(browser, service, options):
    restored(browser, FACE)
    for width in WIDTHS:
        browser.look((width, 900), "light")
        browser.settle(0.1)
        audit(browser, f"width {width}")
        expect_nothing_cut_off(browser, f"width {width}")
        open_viewer(browser)
        audit(browser, f"viewer, width {width}")
        expect_nothing_cut_off(browser, f"viewer, width {width}")
        browser.click("#close")


@check(15)
def appearance_is_chosen_and_remembered(browser, service, options):
    ground = lambda: browser.js("return getComputedStyle(document.documentElement).backgroundColor")
    light = ground()
    browser.click("#theme")
    dark = ground()
    assert dark != light, "the button changes nothing"
    browser.open(browser.url)
    assert ground() == dark, "the choice is forgotten"
    browser.click("#theme")
    browser.look(DESKTOP, "dark")
    browser.settle(0.1)
    assert ground() == dark, "the page does not follow the system again"


@check(16)
def motion_is_reduced_on_request(browser, service, options):
    restored(browser, FACE)
    duration = lambda: browser.js("return getComputedStyle(document.querySelector('.bar > div')).transitionDuration")
    assert duration() != "0s", "nothing moves anyway"
    browser.look(DESKTOP, "light", motion="reduce")
    assert duration() == "0s", "the bar moves although less motion was asked for"


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
