"""The viewer: divider, zoom, both sides, the next picture."""
import struct

from common import BEE, FACE, check, open_viewer, restored
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys


@check(21.5)
def viewer_shows_the_preview_while_it_runs(browser, service, options):
    browser.choose(BEE)
    browser.wait_for("running")
    browser.click(".card .thumb")
    source = lambda: browser.js("return document.querySelector('.pane.after img').src")
    if service.draws:
        browser.wait(lambda: "preview?v=" in source(), "a preview in the viewer")
        first = source()
        browser.wait(lambda: "preview?v=" in source() and source() != first, "a sharper preview")
    browser.wait(lambda: browser.find("#viewer-bar").is_displayed(), "progress in the viewer")
    browser.settle(0.3)
    if options.screenshots:
        browser.picture(options.screenshots / "viewer-working-desktop-light.png")
    browser.wait(lambda: "/result" in source(), "the result in place of the preview", 240)
    browser.wait(lambda: browser.find("#stage-note").text == "", "nothing left to load")


def clips(browser):
    return browser.js("return [...document.querySelectorAll('.pane')].map((pane) => pane.style.clipPath)")


def divider_at(browser):
    return int(browser.find("#divider").get_attribute("aria-valuenow"))


def expect_divider(browser, low, high, how):
    value = divider_at(browser)
    assert low <= value <= high, f"{how}: the divider says {value}, not {low} to {high}"
    x, left, width = browser.js("const stage = document.getElementById('stage').getBoundingClientRect(),"
                                " box = document.getElementById('divider').getBoundingClientRect();"
                                " return [box.left + box.width / 2, stage.left, stage.width]")
    assert abs((x - left) / width * 100 - value) < 1, f"{how}: the divider is not where it says"
    before, after = clips(browser)
    assert before and after, f"{how}: before is clipped {before!r}, after {after!r}"
    assert abs(100 - float(before.split()[1].rstrip("%)")) - value) < 1, f"{how}: before is clipped {before}"
    assert abs(float(after.split()[-1].rstrip("%)")) - value) < 1, f"{how}: after is clipped {after}"


@check(22)
def divider_moves_by_keyboard_mouse_and_touch(browser, service, options):
    restored(browser, FACE)
    open_viewer(browser)
    stage, divider = browser.find("#stage"), browser.find("#divider")
    box = stage.rect
    expect_divider(browser, 50, 50, "at first")
    # What is seen left of the middle belongs to after or to before, as the divider lies left or right of it.
    patch = {"x": box["x"] + box["width"] / 2 - 60, "y": box["y"] + box["height"] / 2 - 180, "width": 30, "height": 120}
    browser.js("arguments[0].focus()", divider)
    divider.send_keys(Keys.HOME)
    expect_divider(browser, 0, 0, "Home")
    after = browser.pixels(patch)
    divider.send_keys(Keys.END)
    expect_divider(browser, 100, 100, "End")
    before = browser.pixels(patch)
    assert before != after, "before and after look the same"
    for _ in range(5):
        divider.send_keys(Keys.ARROW_LEFT)
    expect_divider(browser, 90, 90, "five times left")
    assert browser.pixels(patch) == before, "right of the patch the divider shows something else than before"
    ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    expect_divider(browser, 80, 80, "left with shift")

    half = round(box["width"] / 2)
    ActionChains(browser.driver).click_and_hold(divider).move_by_offset(-half, 0).release().perform()
    expect_divider(browser, 29, 31, "mouse")
    assert browser.pixels(patch) == after, "left of the patch the divider shows something else than after"
    ActionChains(browser.driver).move_to_element_with_offset(stage, round(box["width"] * 0.2), 100).click_and_hold() \
        .move_by_offset(20, 0).move_by_offset(20, 0).release().perform()
    expect_divider(browser, 68, 78, "mouse beside the handle, with the whole picture in sight")

    x, y = box["x"] + box["width"] * divider_at(browser) / 100, box["y"] + box["height"] / 2
    touch(browser, "touchStart", (x, y))
    for step in range(1, 6):
        touch(browser, "touchMove", (x - step * box["width"] * 0.1, y))
    touch(browser, "touchEnd")
    expect_divider(browser, 18, 28, "touch")


def touch(browser, kind, *points):
    browser.cdp("Input.dispatchTouchEvent", type=kind,
                touchPoints=[{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)])


def transforms(browser):
    return browser.js("""return [...document.querySelectorAll(".pane img")].map((image) => {
      const pane = image.parentElement.getBoundingClientRect(), box = image.getBoundingClientRect();
      const place = [box.left - pane.left, box.top - pane.top, box.width, box.height];
      return [image.style.transform, image.naturalWidth > 0, ...place.map((value) => Math.round(value * 10) / 10)];
    })""")


@check(23)
def zoom_and_pan_keep_both_sides_together(browser, service, options):
    restored(browser, FACE)
    open_viewer(browser)
    stage = browser.find("#stage")
    state = {"last": None}

    def expect_change(how):
        before, after = transforms(browser)
        assert before == after, f"{how}: before is at {before}, after at {after}"
        assert before[1], f"{how}: no picture is shown"
        assert before != state["last"], f"{how}: nothing moved"
        state["last"] = before
        return before

    expect_change("at first")
    fitted = state["last"]
    for how, action in {
        "zoom in": lambda: browser.click("#zoom-in"), "plus": lambda: stage.send_keys("+"),
        "minus": lambda: stage.send_keys("-"), "100 %": lambda: browser.click("#actual"),
        "wheel": lambda: wheel(browser, stage, -400),
        "wheel again": lambda: wheel(browser, stage, -400),
        "drag": lambda: ActionChains(browser.driver).move_to_element_with_offset(stage, 200, 150).click_and_hold()
            .move_by_offset(-40, -30).move_by_offset(-40, -30).release().perform(),
        "arrow right": lambda: stage.send_keys(Keys.ARROW_RIGHT), "arrow up": lambda: stage.send_keys(Keys.ARROW_UP),
        "zoom out": lambda: browser.click("#zoom-out"), "fit": lambda: browser.click("#fit"),
        "double click": lambda: ActionChains(browser.driver).double_click(stage).perform()
            if divider_aside(browser) else None,
        "pinch": lambda: pinch(browser, stage.rect),
        "side by side": lambda: browser.click("#sides"), "wheel beside": lambda: wheel(browser, stage, -300),
        "drag beside": lambda: ActionChains(browser.driver).move_to_element_with_offset(stage, 300, 50).click_and_hold()
            .move_by_offset(50, 40).move_by_offset(50, 40).release().perform(),
    }.items():
        action()
        browser.settle(0.05)
        expect_change(how)
        if how == "100 %":
            assert browser.find("#zoom").text == "100 %" and state["last"][4] == 768, f"100 % is {state['last']}"
        if how == "fit":
            assert state["last"] == fitted, "fit is not what it was at first"
    boxes = browser.js("return [...document.querySelectorAll('.pane')]"
                       ".map((pane) => pane.getBoundingClientRect().toJSON())")
    assert boxes[0]["right"] <= boxes[1]["left"] and clips(browser) == ["", ""], "the sides are not beside each other"
    browser.click("#sides")
    stage.send_keys(Keys.ESCAPE)
    browser.wait(lambda: not browser.find("#viewer").is_displayed(), "the viewer to close")


def divider_aside(browser):
    """Double clicks in the middle would meet the handle."""
    divider = browser.find("#divider")
    browser.js("arguments[0].focus()", divider)
    divider.send_keys(Keys.HOME)
    return True


def wheel(browser, stage, amount):
    box = stage.rect
    browser.cdp("Input.dispatchMouseEvent", type="mouseWheel", x=box["x"] + box["width"] * 0.4,
                y=box["y"] + box["height"] * 0.4, deltaX=0, deltaY=amount)


def pinch(browser, box):
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(browser, "touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 8):
        touch(browser, "touchMove", (x - 40 - 15 * step, y), (x + 40 + 15 * step, y))
    touch(browser, "touchEnd")


@check(24)
def keys_go_to_the_next_picture(browser, service, options):
    restored(browser, FACE, BEE)
    open_viewer(browser)
    name = lambda: browser.find("#viewer-name").text
    first = name()
    back_and_forth = ((Keys.PAGE_DOWN, False), (Keys.PAGE_UP, True), (Keys.ARROW_RIGHT, False), (Keys.ARROW_LEFT, True))
    for key, expected in back_and_forth:
        browser.find("#stage").send_keys(key)
        assert (name() == first) == expected, f"{key!r} shows {name()}"
    browser.driver.back()
    browser.wait(lambda: not browser.find("#viewer").is_displayed(), "the back key to close the viewer")
    assert browser.find("#pictures").is_displayed(), "the back key left the page"


def tiff(path, width, height):
    """An uncompressed TIFF, a format that Chromium does not show."""
    line = bytes((x * 5 + 3 * channel) % 256 for x in range(width) for channel in range(3))
    pixels = line * height
    data = 8 + len(pixels)
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, data), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8),
            (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(pixels))]
    depths = struct.pack("<3H", 8, 8, 8)
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", data + len(depths)) + pixels + depths + directory)


@check(24.5)
def formats_that_browsers_do_not_show_are_compared(browser, service, options):
    scan = browser.downloads.parent / "scan.tif"
    tiff(scan, 48, 32)
    restored(browser, scan)
    kinds = [service.restorations()[0][side]["mediaType"] for side in ("input", "output")]
    assert kinds == ["image/tiff", "image/tiff"], f"the server says {kinds}"
    open_viewer(browser)
    sources = lambda: browser.js("return [...document.querySelectorAll('.pane img')]"
                                 ".map((image) => [image.src, image.naturalWidth])")
    browser.wait(lambda: [width for _, width in sources()] == [48, 192], "both sides")
    assert all(source.endswith("?as=display") for source, _ in sources()), sources()


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
