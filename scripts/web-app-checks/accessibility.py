"""What the page owes to people who do not see, or do not use a mouse."""

SPOKEN = {"button", "link", "slider", "textbox", "searchbox", "combobox", "radio", "checkbox", "spinbutton",
          "progressbar", "dialog", "listbox", "switch", "image"}

# Contrast of each text against the colours behind it; what lets the ground shine through is taken over black and white.
CONTRAST = r"""
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}
const over = (top, ground) => [0, 1, 2].map((i) => top[i] * top[3] + ground[i] * (1 - top[3])).concat(1);
const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
function contrast(node, ground) {
  const layers = [];
  let colour = rgba(getComputedStyle(node).color);
  for (let at = node; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (Number(style.opacity) < 1) colour[3] *= Number(style.opacity);
    const layer = rgba(style.backgroundColor);
    if (layer[3] > 0) layers.unshift(layer);
    if (layer[3] === 1) break;
  }
  const behind = layers.reduce((sum, layer) => over(layer, sum), ground);
  const [high, low] = [luminance(over(colour, behind)), luminance(behind)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}
const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
const results = [];
const walker = document.createTreeWalker(dialog ?? document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  const text = walker.currentNode.textContent.trim();
  const isSeen = node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  if (!text || !isSeen || node.closest(".unseen, :disabled, noscript, option")) continue;
  const ratio = Math.min(contrast(node, [0, 0, 0, 1]), contrast(node, [255, 255, 255, 1]));
  results.push([text.slice(0, 40), Math.round(ratio * 100) / 100]);
}
return results;
"""

TARGETS = """
return [...([...document.querySelectorAll("dialog[open]")].at(-1) ?? document).querySelectorAll(
    "button, select, input:not([hidden]), [role=slider]")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }))
  .map((node) => [node.outerHTML.slice(0, 80), node.getBoundingClientRect()])
  .map(([text, { width, height }]) => [text, width, height])
  .filter(([, width, height]) => width < 39.5 || height < 39.5);
"""

REACHABLE = """
return [...([...document.querySelectorAll("dialog[open]")].at(-1) ?? document).querySelectorAll("button, select, input, [tabindex]")]
  .filter((node) => !node.disabled && node.checkVisibility({ visibilityProperty: true }) && node.tabIndex >= 0
    && (node.type !== "radio" || node.checked));
"""

# What lies outside the window or of a box that cuts off what does not fit, what a button is too small for, and what
# is covered by something else where it would be pressed.
CUT_OFF = r"""
const root = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const told = (node, what) => [node.outerHTML.slice(0, 90), what];
const found = [];
for (const node of root.querySelectorAll("button, select, input, h1, h2, h3, p, label, legend, output, li > span")) {
  if (!seen(node) || node.closest(".unseen, .pane, noscript, [inert]") || node.matches(".chip input")) continue;
  node.scrollIntoView({ block: "center", inline: "nearest" });
  const box = node.getBoundingClientRect();
  if (box.width === 0 || box.height === 0) continue;
  if (box.left < -0.5 || box.right > innerWidth + 0.5) found.push(told(node, `reaches from ${box.left} to ${box.right}`));
  for (let at = node.parentElement; at && at !== document.body; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.overflowX === "visible" && style.overflowY === "visible") continue;
    const outer = at.getBoundingClientRect();
    const scrolls = ["auto", "scroll"].includes(style.overflowY);
    const isCut = box.left < outer.left - 1 || box.right > outer.right + 1
      || (!scrolls && (box.top < outer.top - 1 || box.bottom > outer.bottom + 1));
    if (isCut) found.push(told(node, `is cut off by ${at.outerHTML.slice(0, 60)}`));
  }
  const style = getComputedStyle(node);
  if (!node.matches("input, select") && style.textOverflow !== "ellipsis" && node.scrollWidth > node.clientWidth + 1
      && node.clientWidth > 0) {
    found.push(told(node, `needs ${node.scrollWidth} pixels and has ${node.clientWidth}`));
  }
  if (node.matches("button, select, input") && !node.disabled) {
    const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    if (!at || !(node.contains(at) || at.closest("label")?.contains(node))) {
      found.push(told(node, `is covered by ${at?.outerHTML.slice(0, 60)}`));
    }
  }
}
scrollTo(0, 0);
for (const node of document.querySelectorAll("#settings, .other-settings")) node.scrollTop = 0;
return found;
"""

# The ring may be drawn by the element itself, by what follows a hidden radio button, or by the divider's handle.
RING = """
const [node] = arguments;
return [node, node.nextElementSibling, node.firstElementChild].filter(Boolean)
  .some((candidate) => getComputedStyle(candidate).outlineStyle !== "none");
"""


def audit(browser, what):
    for node in browser.cdp("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if not node["ignored"] and role in SPOKEN:
            name = node.get("name", {}).get("value", "").strip()
            if not name:
                nameless = browser.cdp("DOM.describeNode", backendNodeId=node["backendDOMNodeId"])["node"]
                raise AssertionError(f"{what}: a {role} has no name: {nameless}")
    texts = browser.js(CONTRAST)
    assert texts, f"{what}: no text found"
    poor = [(text, ratio) for text, ratio in texts if ratio < 4.5]
    assert not poor, f"{what}: contrast below 4.5: {poor}"
    small = browser.js(TARGETS)
    assert not small, f"{what}: targets under 40 pixels: {small}"
    overflow = browser.js("return document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, f"{what}: {overflow} pixels wider than the window"


def expect_nothing_cut_off(browser, what):
    found = browser.js(CUT_OFF)
    assert not found, f"{what}: cut off or out of reach: {found}"


def expect_keyboard_reaches_everything(browser, what):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    wanted = browser.js(REACHABLE)
    browser.js("document.activeElement?.blur()")
    reached = set()
    for _ in range(len(wanted) + 8):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        node = browser.js("return document.activeElement")
        if node:
            reached.add(node.id)
            markup = node.get_attribute("outerHTML")[:90]
            assert browser.js(RING, node) or node.tag_name in ("body", "html", "dialog"), \
                f"{what}: no focus to be seen on {markup}"
    missed = [node.get_attribute("outerHTML")[:90] for node in wanted if node.id not in reached]
    assert not missed, f"{what}: the keyboard does not reach {missed}"
