"""A headless Chromium with what the checks need of it."""
import base64
import json
import os
import shutil
import sys
import time
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

DESKTOP, PHONE = (1440, 900), (390, 844)

# Runs before the page's own scripts: what went wrong is kept where the checks can ask for it.
WITNESS = """
window.witness = { violations: [], errors: [], shift: 0 };
addEventListener("securitypolicyviolation", (event) =>
  witness.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
addEventListener("error", (event) => { if (event.message) witness.errors.push(event.message); });
addEventListener("unhandledrejection", (event) => witness.errors.push(String(event.reason)));
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) witness.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def program(*names):
    for name in names:
        if path := shutil.which(name):
            return path
    sys.exit(f"test-web-app: {names[0]} is missing: apt-get install chromium chromium-driver")


class Browser:
    def __init__(self, scratch):
        self.downloads = scratch / "downloads"
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        options.binary_location = program("chromium", "chromium-browser", "google-chrome")
        for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--lang=en-GB",
                         "--disable-background-networking", "--disable-dev-shm-usage", "--force-color-profile=srgb",
                         f"--window-size={DESKTOP[0]},{DESKTOP[1]}", f"--user-data-dir={scratch / 'profile'}"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium refuses to start as root otherwise
        options.add_experimental_option("prefs", {
            "download.default_directory": str(self.downloads), "download.prompt_for_download": False,
            "profile.default_content_setting_values.automatic_downloads": 1})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
        self.driver.set_script_timeout(60)
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WITNESS)
        self.url, self.hosts, self.expected = None, set(), set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    # Beginning and end of a check

    def begin(self, url):
        """A fresh page of a browser that remembers nothing, on a desktop in light."""
        self.look(DESKTOP, "light")
        self.expected = set()
        self.driver.get_log("browser")
        self.open(url)
        self.js("localStorage.clear()")
        self.open(url)

    def open(self, url):
        self.url = url
        self.hosts.add(urlsplit(url).netloc)
        self.driver.get(url)
        self.wait(lambda: self.js("return !document.getElementById('empty').hidden"
                                  " || !document.getElementById('pictures').hidden"), "list or invitation")

    def expect_statuses(self, *statuses):
        """Answers of the server that the browser itself reports as errors and that this check brings about."""
        self.expected |= {str(status) for status in statuses}

    def expect_clean(self):
        witness = self.js("return window.witness")
        assert not witness["violations"], f"violations of the content security policy: {witness['violations']}"
        assert not witness["errors"], f"errors of scripts: {witness['errors']}"
        told = [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        lines = [entry["message"] for entry in told if not any(part in entry["message"] for part in self.expected)]
        assert not lines, f"the console says: {lines}"
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = urlsplit(message["params"]["request"]["url"])
                assert address.scheme not in ("http", "https", "ws", "wss") or address.netloc in self.hosts, \
                    f"the page asked another host: {address.geturl()}"

    # Looks

    def look(self, size, theme, motion="no-preference"):
        is_phone = size[0] < 600
        self.cdp("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                 deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": motion}])

    def picture(self, path):
        path.write_bytes(self.pixels())

    def pixels(self, rectangle=None):
        clip = {"clip": {**rectangle, "scale": 1}} if rectangle else {}
        return base64.b64decode(self.cdp("Page.captureScreenshot", format="png", **clip)["data"])

    # Finding and waiting

    def wait(self, condition, what, seconds=30):
        def met(_):
            try:
                return condition()
            except (StaleElementReferenceException, IndexError):
                return False
        try:
            return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(met)
        except WebDriverException as error:
            raise AssertionError(f"waited {seconds} s in vain for: {what}") from error

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.find(selector).click()

    def press(self, name):
        """Presses the button with that text or name that is to be seen."""
        self.wait(lambda: self.named(name)[0].click() or True, f"button {name}")

    def named(self, name):
        return self.js("""const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
          return [...(dialog ?? document).querySelectorAll("button")].filter((node) =>
          node.checkVisibility({ visibilityProperty: true }) && !node.disabled &&
          [node.textContent.trim(), node.getAttribute("aria-label")].some((text) => text?.startsWith(arguments[0]))
        )""", name)

    def choose(self, *paths):
        self.find("#files").send_keys("\n".join(str(path) for path in paths))

    def cards(self, state=None):
        return self.all(".card" + (f'[data-state="{state}"]' if state else ""))

    def wait_for(self, state, number=1, seconds=240):
        self.wait(lambda: len(self.cards(state)) == number, f"{number} cards that are {state}", seconds)

    def wait_for_download(self, number=1):
        def finished():
            files = list(self.downloads.iterdir())
            # Chromium's own names for what is still coming.
            coming = [file for file in files if file.suffix == ".crdownload" or file.name.startswith(".")]
            return len(files) >= number and not coming and files
        return self.wait(finished, f"{number} downloads")

    def drag(self, start, end):
        """With the mouse, from a point of the window to another."""
        (x, y), (to_x, to_y) = start, end
        def move(kind, x, y, **more):
            self.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1, **more)
        move("mousePressed", x, y)
        for step in range(1, 6):
            move("mouseMoved", x + (to_x - x) * step / 5, y + (to_y - y) * step / 5)
        move("mouseReleased", to_x, to_y)

    def settle(self, seconds=0.4):
        """For transitions and the browser's own handling of gestures, which no event reports."""
        time.sleep(seconds)
