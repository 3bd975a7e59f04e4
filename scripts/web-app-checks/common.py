"""What several checks share."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FACE = ROOT / "Samples/face-astronaut-nasa-lr.jpg"  # 192x192, restored in a moment
BEE = ROOT / "Samples/insect-european-honey-bee.jpg"  # 1024x809, takes a while

CHECKS = []


def check(order):
    """Marks a check; those of a smaller order run first."""
    def mark(function):
        function.order = order
        return function
    return mark


def restored(browser, *paths):
    """A list with these pictures, restored."""
    browser.choose(*paths)
    browser.wait_for("succeeded", len(paths))


def open_viewer(browser, index=0):
    browser.all(".card .thumb")[index].click()
    browser.wait(lambda: browser.find("#viewer").is_displayed(), "viewer")
    browser.wait(lambda: browser.find("#stage-note").text == "", "the result in the viewer")


def select(browser, identifier, value):
    browser.js("const field = document.getElementById(arguments[0]); field.value = arguments[1];"
               "field.dispatchEvent(new Event('input', { bubbles: true }));"
               "field.dispatchEvent(new Event('change', { bubbles: true }))", identifier, value)
