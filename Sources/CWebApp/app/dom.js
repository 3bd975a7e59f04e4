import { icon } from "./icons.js";

export const $ = (id) => document.getElementById(id);

/** An element with attributes, listeners (`onclick: f`) and children; text is never parsed as markup. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A button with an icon and a text or, given `label`, with the icon alone. */
export function button(name, text, onclick, { kind = "", label = null } = {}) {
  const shape = text ? kind : `${kind} square`;
  const node = element("button", { type: "button", class: shape.trim(), onclick }, icon(name));
  if (text) node.append(element("span", {}, text));
  if (label) {
    node.setAttribute("aria-label", label);
    if (!text) node.title = label;
  }
  return node;
}

/** Sets the text only if it differs: live regions would repeat it, and selections vanish. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setProgress(bar, share) {
  const percent = Math.round(Math.min(Math.max(share, 0), 1) * 100);
  bar.setAttribute("aria-valuenow", percent);
  bar.firstElementChild.style.transform = `scaleX(${percent / 100})`;
}

/** Inserts the icons that the page names by data-icon. */
export function placeIcons(root) {
  for (const node of root.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
}
