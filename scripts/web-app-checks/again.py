"""One picture with several settings, whole or in part, and the results side by side."""
from accessibility import audit, expect_keyboard_reaches_everything, expect_nothing_cut_off
from common import BEE, FACE, check, open_viewer, restored, select
from compare import tiff, transforms
from looks import each_font, each_view
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from server import DisturbingProxy


def options_of(browser, side):
    return browser.js("return [...document.getElementById(arguments[0]).options].map((option) => option.text)", side)


def sources(browser):
    return browser.js("return [...document.querySelectorAll('.pane img')].map((image) => image.getAttribute('src'))")


def show(browser, side, text):
    browser.js("""const [side, text] = arguments, field = document.getElementById(side);
      field.value = [...field.options].find((option) => option.text.startsWith(text)).value;
      field.dispatchEvent(new Event("change", { bubbles: true }))""", side, text)


@check(25.1)
def two_results_of_a_picture_are_compared(browser, service, options):
    proxy = DisturbingProxy(service.url)
    try:
        browser.open(proxy.url)
        restored(browser, FACE)
        open_viewer(browser)
        browser.press("Other settings")
        assert browser.find("#size-hint").text == "192 × 192 → 768 × 768", browser.find("#size-hint").text
        each_view(browser, options, "other-settings")
        each_font(browser, "other settings")
        expect_keyboard_reaches_everything(browser, "other settings")
        browser.js("document.querySelector('[name=scale][value=\"2\"]').click()")
        select(browser, "seed", "7")
        browser.press("Restore again")
        browser.wait(lambda: service.states() == ["succeeded"] * 2, "the second result", 240)
        uploads = [path for method, path in proxy.calls if (method, path) == ("POST", "/v1/restorations")]
        assert len(uploads) == 1, f"sent {len(uploads)} times"
        second, first = service.restorations()
        assert second["source"] == first["id"], f"{second['source']} is not {first['id']}"
        result = lambda restoration: f"/v1/restorations/{restoration['id']}/result"
        browser.wait(lambda: sources(browser) == [result(first), result(second)], "the results beside each other")
        names = ["Original", *(["×4, seed 0", "×2, seed 7"] if service.draws else ["×4", "×2"])]
        assert options_of(browser, "left") == options_of(browser, "right") == names, options_of(browser, "left")
        browser.wait(lambda: browser.find("#stage-note").text == "", "nothing left to load")
        before, after = transforms(browser)
        assert before[2:] == after[2:], f"the left one is at {before}, the right one at {after}"
        each_view(browser, options, "compare")
        each_font(browser, "compare")
        browser.click("#sides")
        each_view(browser, options, "compare-beside")
        browser.click("#sides")
        expect_keyboard_reaches_everything(browser, "compare")
        show(browser, "left", "Original")
        browser.wait(lambda: sources(browser)[0].endswith("/input"), "the original on the left")
        show(browser, "right", "×4")
        browser.wait(lambda: sources(browser)[1] == result(first), "the first result on the right")
        assert "192 × 192 → 768 × 768" in browser.find("#viewer-status").text, browser.find("#viewer-status").text
        browser.click("#close")
        browser.press("Compare the results of face")
        browser.wait(lambda: sorted(sources(browser)) == sorted([result(first), result(second)]), "both from the card")
        browser.press("Delete")
        browser.click("#confirm-yes")
        browser.wait(lambda: not browser.find("#viewer").is_displayed(), "the viewer to close with its picture")
        browser.wait(lambda: not browser.named("Compare the results of face"), "nothing to compare any more")
    finally:
        browser.open(service.url)
        proxy.close()


def part_of(browser):
    return browser.find("#part-size").text


@check(25.2)
def a_part_is_tried(browser, service, options):
    browser.choose(BEE)
    browser.wait_for("running")  # before it is finished, too
    browser.all(".card .thumb")[0].click()
    browser.press("Try a part")
    assert part_of(browser) == "256 × 256 pixels at 384, 277", part_of(browser)
    part = browser.find("#part")
    assert browser.driver.switch_to.active_element == part, "the keyboard is not at the part"
    each_view(browser, options, "part")
    each_font(browser, "part")
    expect_keyboard_reaches_everything(browser, "part")
    browser.js("arguments[0].focus()", part)
    part.send_keys(Keys.ARROW_LEFT, Keys.ARROW_UP)
    assert part_of(browser) == "256 × 256 pixels at 376, 269", part_of(browser)
    ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN).key_up(Keys.SHIFT) \
        .perform()
    assert part_of(browser) == "264 × 264 pixels at 376, 269", part_of(browser)
    box = browser.js("return arguments[0].getBoundingClientRect().toJSON()", part)
    browser.drag((box["left"] + box["width"] / 2, box["top"] + box["height"] / 2), (5, 5))
    assert part_of(browser) == "264 × 264 pixels at 0, 0", part_of(browser)
    box = browser.js("return arguments[0].getBoundingClientRect().toJSON()", part)
    browser.drag((box["right"], box["bottom"]), (box["left"] + box["width"] / 2, box["top"] + box["height"] / 4))
    width, height = map(int, part_of(browser).split(" pixels")[0].split(" × "))
    assert abs(width - 132) < 4 and abs(height - 66) < 4, part_of(browser)
    browser.press("Try this part")
    browser.wait(lambda: f"{width} × {height} → {4 * width} × {4 * height}" in browser.find("#size-hint").text,
                 "the size of the part's result")
    # A size that is asked of the whole picture makes the part as many times as large.
    browser.js("document.querySelector('[name=scale][value=pixels]').click()")
    browser.find("[name=pixels]").clear()
    browser.find("[name=pixels]").send_keys("4096")
    assert f"→ {4 * width} × {4 * height}" in browser.find("#size-hint").text, browser.find("#size-hint").text
    browser.click("#other-yes")
    browser.wait(lambda: service.restorations()[0]["settings"]["crop"] is not None, "the part at the server")
    made = service.restorations()[0]
    assert made["settings"]["crop"] == {"x": 0, "y": 0, "width": width, "height": height}, made["settings"]
    assert (made["output"]["width"], made["output"]["height"]) == (4 * width, 4 * height), made["output"]
    browser.wait(lambda: sources(browser)[1].endswith(f"{made['id']}/result"), "the part's result", 240)
    browser.wait(lambda: browser.find("#stage-note").text == "", "nothing left to load")
    # The original lies under it where the part was taken.
    before, after = transforms(browser)
    across = after[4] / width
    assert abs(before[4] - 1024 * across) < 2 and abs(before[2] - after[2]) < 1, f"{before} and {after}"
    each_view(browser, options, "part-result")
    browser.press("Try a part")
    browser.find("#part").send_keys(Keys.ESCAPE)
    assert browser.find("#viewer").is_displayed() and not browser.find("#part").is_displayed(), "Escape does not go back"
    browser.click("#close")
    browser.wait_for("succeeded", 2)
    assert f"part of {width} × {height} at 0, 0" in browser.find(".card .detail").text, browser.find(".card .detail").text


@check(25.3)
def pictures_too_large_to_show_are_shown_reduced(browser, service, options):
    scan = browser.downloads.parent / "poster.tif"
    tiff(scan, 7000, 4000)
    browser.js("document.querySelector('[name=scale][value=\"1\"]').click()")
    browser.choose(BEE)
    browser.wait_for("running")
    browser.choose(scan)
    browser.wait(lambda: any("7000 × 4000" in card.text for card in browser.cards()), "the large one", 120)
    browser.all(".card .thumb")[0].click()
    browser.wait(lambda: "Reduced for display: the original at 9" in browser.find("#reduced").text,
                 "word of the reduction", 60)
    assert sources(browser)[0].endswith("/input?as=display"), sources(browser)
    browser.click("#actual")
    assert transforms(browser)[0][4] == 7000, f"100 % is {transforms(browser)[0]}"
    each_view(browser, options, "reduced")
    urls = browser.driver.execute_async_script("""
      const done = arguments[0];
      import("/pictures.js").then(({ resultURL }) => done([
        ["image/png", 8000, 6000, "RGB, 8 bit"], ["image/png", 8000, 7000, "RGB, 8 bit"],
        ["image/png", 80, 60, "RGB, 16 bit"], ["image/jxl", 80, 60, "RGB, 8 bit"],
      ].map(([mediaType, width, height, samples]) =>
        resultURL({ id: "x", output: { mediaType, width, height, contents: { samples } } }).endsWith("?as=display"))));""")
    assert urls == [False, True, True, True], f"shown as they are or not: {urls}"
    browser.press("Cancel")


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
