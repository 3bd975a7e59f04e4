"""Restoring, looking, downloading: what people come for."""
import struct
import subprocess
import zipfile
import zlib

from accessibility import audit
from common import BEE, FACE, check, open_viewer, restored, select
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

# Notes every value of progress and every preview of running pictures as they come.
WATCH = """
window.seen = { progress: [], previews: new Set(), works: new Set(), titles: new Set() };
new MutationObserver(() => {
  seen.titles.add(document.title);
  for (const card of document.querySelectorAll('.card[data-state="running"]')) {
    const value = Number(card.querySelector("[role=progressbar]").getAttribute("aria-valuenow"));
    if (seen.progress.at(-1) !== value) seen.progress.push(value);
    const source = card.querySelector("img").src;
    if (source.includes("preview?v=")) seen.previews.add(source);
    const work = card.querySelector(".detail").textContent;
    if (work) seen.works.add(work);
  }
}).observe(document.documentElement, { subtree: true, childList: true, attributes: true, characterData: true });
"""
SEEN = """return {
  progress: seen.progress, previews: seen.previews.size, works: [...seen.works], titles: [...seen.titles] }"""


@check(20)
def restores_and_downloads_what_upscale_writes(browser, service, options):
    browser.js(WATCH)
    select(browser, "format", "png")
    browser.choose(FACE)
    browser.wait_for("succeeded")
    sizes = browser.find(".card .sizes").text
    assert sizes == "192 × 192 → 768 × 768", f"the card says {sizes}"
    seen = browser.js(SEEN)
    assert seen["progress"] and seen["progress"] == sorted(seen["progress"]), f"progress: {seen['progress']}"
    before = len(list(browser.downloads.iterdir()))
    browser.press("Download face")
    file = max(browser.wait_for_download(before + 1), key=lambda path: path.stat().st_mtime)
    assert file.name == "face-astronaut-nasa-lr_x4.png", f"the file is called {file.name}"
    downloaded = file.read_bytes()
    assert downloaded.startswith(b"\x89PNG"), "no PNG came"
    if service.nsarm:
        expected = browser.downloads.parent / "expected.png"
        subprocess.run([service.nsarm, "upscale", "--model", "nano", FACE, "-o", expected], check=True, capture_output=True)
        assert downloaded == expected.read_bytes(), "the result differs from that of nsarm upscale"


@check(21)
def progress_and_preview_are_live(browser, service, options):
    browser.js(WATCH)
    browser.choose(BEE)
    browser.wait_for("succeeded")
    seen = browser.js(SEEN)
    between = {value for value in seen["progress"] if 0 < value < 100}
    assert len(between) >= 4 and seen["progress"] == sorted(seen["progress"]), f"progress: {seen['progress']}"
    assert seen["previews"] >= 2 or not service.draws, f"{seen['previews']} previews"
    has_work = any("tile" in text and "of" in text for text in seen["works"])
    assert has_work or not service.draws, f"work: {seen['works']}"
    assert any("% - NSARM" in title for title in seen["titles"]), f"titles: {seen['titles']}"
    browser.wait(lambda: browser.driver.title == "NSARM", "title without progress")


@check(25)
def pasted_pictures_are_restored(browser, service, options):
    origin = "/".join(service.url.split("/")[:3])
    browser.cdp("Browser.grantPermissions", origin=origin,
                permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    written = browser.driver.execute_async_script("""
      const done = arguments[0], canvas = document.createElement("canvas");
      canvas.width = 60; canvas.height = 40; canvas.getContext("2d").fillRect(5, 5, 20, 20);
      canvas.toBlob((blob) => navigator.clipboard.write([new ClipboardItem({ "image/png": blob })])
        .then(() => done("written"), (error) => done(String(error))));""")
    assert written == "written", f"the clipboard did not take the picture: {written}"
    ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
    browser.wait_for("succeeded")
    assert browser.find(".card .name").text.startswith("Pasted"), browser.find(".card .name").text
    assert browser.find(".card .sizes").text.startswith("60 × 40"), browser.find(".card .sizes").text


@check(26)
def dropped_pictures_are_restored(browser, service, options):
    data = {"items": [], "files": [str(FACE), str(BEE)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.cdp("Input.dispatchDragEvent", type=kind, x=700, y=500, data=data)
        if kind == "dragOver":
            browser.wait(lambda: browser.find("#drop").is_displayed(), "the invitation to drop")
    browser.wait_for("succeeded", 2)
    assert not browser.find("#drop").is_displayed(), "the invitation to drop stays"


@check(27)
def cancels_and_deletes(browser, service, options):
    browser.choose(BEE, FACE)
    browser.wait_for("running")
    browser.press("Cancel insect")
    browser.wait_for("cancelled")
    browser.wait_for("succeeded")
    states = sorted(restoration["state"] for restoration in service.restorations())
    assert states == ["cancelled", "succeeded"], f"the server says {states}"
    browser.press("Delete insect")
    browser.wait(lambda: len(browser.cards()) == 1, "the cancelled one to go, without a question")
    browser.press("Delete face")
    browser.press("Cancel")
    assert len(browser.cards()) == 1, "deleted in spite of the answer"
    browser.press("Delete face")
    browser.click("#confirm-yes")
    browser.wait(lambda: browser.find("#empty").is_displayed(), "the invitation after the last one is gone")
    assert service.restorations() == [], "the server still has it"


@check(28)
def list_and_settings_survive_a_reload(browser, service, options):
    browser.js("document.querySelector('[name=scale][value=\"2\"]').click()")
    select(browser, "temperature", "0.2")
    if service.draws:
        browser.click("#dice")
    else:
        select(browser, "seed", "5")
    seed = int(browser.find("#seed").get_attribute("value"))
    select(browser, "format", "webp")
    select(browser, "quality", "80")
    select(browser, "color", "adain")
    browser.choose(FACE)
    browser.wait_for("succeeded")
    wanted = {"scale": 2, "temperature": 0.2, "seed": seed, "color": "adain", "format": "webp", "quality": 80,
              "metadata": "keep", "background": None}
    def made():
        settings = service.restorations()[0]["settings"]
        return {name: settings[name] for name in wanted}
    assert made() == wanted, made()
    browser.open(browser.url)
    browser.wait_for("succeeded")
    assert browser.find(".card .sizes").text == "192 × 192 → 384 × 384", browser.find(".card .sizes").text
    browser.js("document.querySelector('[name=scale][value=\"3\"]').click()")
    browser.press("Try other settings for face")
    audit(browser, "other settings")
    browser.press("Restore again")
    browser.wait_for("succeeded", 2)
    assert made() == {**wanted, "scale": 3}, f"restored again with {made()}"
    browser.click("#defaults")
    assert browser.js("return JSON.parse(localStorage.getItem('nsarm.settings'))")["scale"] == 4, "no defaults"


@check(28.3)
def model_and_strength_are_chosen(browser, service, options):
    models = {model["name"]: model for model in service.call("/v1/service")["models"]}
    usual = service.call("/v1/service")["model"]
    assert browser.find("#model-field").is_displayed() == (len(models) > 1), "a choice of one, or none of several"
    for model in models.values():
        if len(models) > 1:
            select(browser, "model", model["name"])
        assert browser.find("#strength-field").is_displayed() == model["hasDial"], f"the dial of {model['name']}"
        draws = model["temperature"] is not None
        assert browser.find("#temperature").is_displayed() == draws, f"the creativity of {model['name']}"
        assert browser.find("#seed").is_displayed() == draws, f"the seed of {model['name']}"
    if len(models) == 1:
        return
    dialled = [name for name, model in models.items() if model["hasDial"]]
    chosen = (dialled or [name for name in models if name != usual])[0]
    select(browser, "model", chosen)
    if dialled:
        select(browser, "strength", "0.35")
        assert browser.find("#strength").get_attribute("aria-valuetext") == "0.35"
    browser.open(browser.url)
    browser.wait(lambda: browser.find("#model-field").is_displayed(), "the choice of a model")
    assert browser.find("#model").get_attribute("value") == chosen, "the model is forgotten"
    browser.choose(FACE)
    browser.wait_for("succeeded")
    made = service.restorations()[0]["settings"]
    assert (made["model"], made["strength"]) == (chosen, 0.35 if dialled else None), f"restored with {made}"
    open_viewer(browser)
    assert browser.find("#viewer-facts").text.startswith(chosen), browser.find("#viewer-facts").text
    browser.click("#close")
    browser.click("#defaults")
    assert browser.find("#model").get_attribute("value") == usual, "no default model"


@check(28.5)
def any_scale_from_one_to_eight_is_taken(browser, service, options):
    browser.js("document.querySelector('[name=scale][value=other]').click()")
    field = browser.find("[name=scaleOther]")
    for text, is_fit in (("9", False), ("", False), ("2.5", True)):
        field.clear()
        field.send_keys(text)
        assert (field.get_attribute("aria-invalid") == "true") != is_fit, f"scale {text!r}"
        assert ("from 1 to 8" in browser.find("#scale-hint").text) != is_fit, f"hint at scale {text!r}"
    browser.choose(FACE)
    browser.wait_for("succeeded")
    assert browser.find(".card .sizes").text == "192 × 192 → 480 × 480", browser.find(".card .sizes").text


@check(27.5)
def deleting_what_runs_is_asked_about(browser, service, options):
    browser.choose(BEE)
    browser.wait_for("running")
    browser.press("Delete insect")
    browser.wait(lambda: browser.find("#confirm").is_displayed(), "the question")
    audit(browser, "question")
    browser.press("Cancel")
    assert len(browser.cards("running")) == 1, "deleted in spite of the answer"
    browser.press("Delete insect")
    browser.press("Stop and delete")
    browser.wait(lambda: browser.find("#empty").is_displayed(), "the invitation")


@check(28.6)
def sizes_are_given_in_pixels(browser, service, options):
    browser.js("document.querySelector('[name=scale][value=pixels]').click()")
    field = browser.find("[name=pixels]")
    for text, is_fit in (("0", False), ("1.5", False), ("500", True)):
        field.clear()
        field.send_keys(text)
        assert (field.get_attribute("aria-invalid") == "true") != is_fit, f"{text} pixels"
    hint = lambda: browser.find("#size-hint").text
    browser.choose(FACE)
    browser.wait(lambda: hint() == "Last picture: 192 × 192 → 500 × 500", "the size of the result in the form")
    browser.wait_for("succeeded")
    assert browser.find(".card .sizes").text == "192 × 192 → 500 × 500", browser.find(".card .sizes").text
    field.clear()
    field.send_keys("100")
    assert "192 to 1536 pixels are possible" in hint(), hint()
    field.clear()
    field.send_keys("300")
    browser.js("const side = document.querySelector('[name=side]'); side.value = 'height';"
               "side.dispatchEvent(new Event('change'))")
    browser.open(browser.url)
    browser.wait(lambda: hint() == "Last picture: 192 × 192 → 300 × 300", "the size after a reload")
    browser.choose(BEE)
    browser.expect_statuses(422)
    browser.wait_for("failed")
    assert "809 to 6472" in browser.find(".card .notes .error").text, browser.find(".card .notes .error").text


def png(width, height, hole=False):
    """A red picture, in the middle of it a hole if wanted."""
    def pixel(x, y):
        is_hole = hole and abs(x - width / 2) < width / 4 and abs(y - height / 2) < height / 4
        return bytes((200, 40, 30, 0 if is_hole else 255))
    lines = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


@check(28.7)
def transparency_is_seen_and_may_be_filled(browser, service, options):
    logo = browser.downloads.parent / "logo.png"
    logo.write_bytes(png(64, 64, hole=True))
    restored(browser, logo)
    pattern = lambda selector: browser.js(
        "return getComputedStyle(document.querySelector(arguments[0])).backgroundImage", selector)
    assert "conic-gradient" in pattern(".card .thumb"), "no checkerboard on the card"
    open_viewer(browser)
    for side in ("before", "after"):
        assert "conic-gradient" in pattern(f".pane.{side} img"), f"no checkerboard {side}"
    browser.click("#close")
    select(browser, "background", "other")
    browser.js("const field = document.querySelector('[name=backgroundColor]'); field.value = '#2040c0';"
               "field.dispatchEvent(new Event('input', { bubbles: true }))")
    select(browser, "metadata", "private")
    browser.choose(logo)
    browser.wait_for("succeeded", 2)
    made = service.restorations()[0]["settings"]
    assert (made["background"], made["metadata"]) == ("#2040c0", "private"), f"restored with {made}"
    assert "conic-gradient" not in pattern(".card .thumb"), "a checkerboard behind what is not transparent"
    browser.open(browser.url)
    kept = browser.js("return [...document.querySelectorAll('#background, [name=backgroundColor], #metadata')]"
                      ".map((field) => field.value)")
    assert kept == ["private", "other", "#2040c0"], f"kept after a reload: {kept}"


@check(28.8)
def finished_cards_show_the_result(browser, service, options):
    restored(browser, FACE)
    restoration = service.restorations()[0]
    source = lambda: browser.js("return document.querySelector('.card img').getAttribute('src')")
    last = f"/v1/restorations/{restoration['id']}/preview?v={restoration['preview']}"
    browser.wait(lambda: source() == last, "the last preview on the card")
    difference = browser.driver.execute_async_script("""
      const [card, result, done] = arguments;
      const load = async (url) => {
        const picture = new Image();
        picture.src = url;
        await picture.decode();
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.drawImage(picture, 0, 0, 96, 96);
        return [canvas.getImageData(0, 0, 96, 96).data, picture.naturalWidth];
      };
      Promise.all([load(card), load(result)]).then(([[one, width], [other]]) =>
        done([one.reduce((sum, value, index) => sum + Math.abs(value - other[index]), 0) / one.length, width]));
    """, last, f"/v1/restorations/{restoration['id']}/result")
    assert difference[0] < 3 and difference[1] == 768, f"card and result differ by {difference}"


@check(29)
def downloads_all_as_one_file_and_clears(browser, service, options):
    restored(browser, FACE, FACE)
    before = set(browser.downloads.iterdir())
    browser.click("#download-all")
    files = set(browser.wait_for_download(len(before) + 1)) - before
    assert len(files) == 1, f"{files} came"
    results = []
    for restoration in service.restorations():
        results.append(service.picture(f"/v1/restorations/{restoration['id']}/result"))
    with zipfile.ZipFile(files.pop()) as archive:
        names = archive.namelist()
        assert len(set(names)) == 2 and all("/" not in name for name in names), names
        assert sorted(archive.read(name) for name in names) == sorted(results), "the archive holds something else"
    browser.click("#clear")
    browser.click("#confirm-yes")
    browser.wait(lambda: browser.find("#empty").is_displayed(), "the invitation")
    assert service.restorations() == [], "the server still has them"


CHECKS = [value for value in list(globals().values()) if hasattr(value, "order")]
